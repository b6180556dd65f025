"""Every tolerance of the tests, with its unit and its reason."""

PITCH_CENTS = 1.0  # the smallest mistuning that beats audibly against a steady reference within a second
LEVEL_DB = 0.5  # half of the smallest level step that listeners tell apart
OTHER_SYNTHESISER_DB = 1.5  # two SoundFont players: stages of an envelope may differ by a block or two
