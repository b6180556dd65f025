"""How exact tests ask results to be, and why."""

from __future__ import annotations

KERNEL_DB = -120.0  # float32 kernels against their float64 twins, of the peak: below 16-bit noise by 22 dB
FLOAT32_STEPS = 2.0**-22  # of the peak: two voices in the same stretches differ where a sum falls on another step
PHASE_RAD = 1e-3  # of a partial after ten minutes: 1/6000 of a cycle, far below what two ears can tell
SCALA_CENTS = 0.01  # published tables are printed with 2 to 5 decimals of a cent
PITCH_CENTS = 1.0  # the smallest mistuning that beats audibly against a steady reference within a second
LEVEL_DB = 0.5  # half of the smallest level step that listeners tell apart
OTHER_SYNTHESISER_DB = 1.5  # two SoundFont players: stages of an envelope may differ by a block or two
# What a guess finds again of a world it was given, through rendering, hiss and analysis:
FOUND_SHARE = 0.35  # of what the layer does to the sound, left over in the mean: it is found to about 10 dB
DECAY_SHARE = 0.3  # of a decay time, seen through windows as long as it
RATE_HZ = 0.3  # of a swing seen for two seconds: half the width of a spectral line
PLACE = 0.006  # of a string's length: two steps of the search
SPREAD_SHARE = 0.35  # of a standard deviation: some 20 notes tell it to 16 % (1 sigma)
CENTS_SHARE = 0.2  # of a depth or glide in cents, smoothed by windows of 30 ms
KNOWN_PLUGIN_JUDGED_DB = 1.5  # a patch of three pure harmonics, by a second judge: measured 1.22 in the median
KNOWN_PLUGIN_DB = 2.0  # the same by our distance: measured 1.89; 0.3 of it is an attack read too short

# Sound files and phrases.
FILE_24_BIT = 2e-7  # half a step of 24 bits is 6e-8; libsndfile rounds once more
FILE_16_BIT = 1e-4  # a step of 16 bits is 3e-5: what a notebook plays
FILE_VORBIS = 0.1  # a lossy format: that it is the same sound, not the same samples
PHRASE = 1e-3  # players leave out what cannot be heard, the exact render does not: -60 dB of full scale
SEEN_COURSE_DB = 4.0  # five bins of a lobe that an attack in mid-window widens; the course itself misses by 9 to 30
KINSHIP_SHARE = 0.06  # of variance shared by notes a semitone apart: a grid of 0.05, 200 departures of 40 notes
CARRIED_DB = 0.02  # laws are kept in six digits, and ten times their rounding is carried on
ATTACK_STEPS = 1.6  # of the grid of attacks: low partials that set in splash into a short window
NOISE_BAND_DB = 2.0  # of one band's noise over two seconds: some thirty windows that overlap, six bins each
NOISE_MEAN_DB = 0.5  # of all bands: what was 2.6 dB too much in each narrow one
NOISE_TRACKED_DB = 2.5  # of noise in the tracks of partials: the strongest of three bins is taken, 1 to 2 dB
NOISE_FLOOR_DB = 1.5  # of 100 ms of noise, over twenty bands: five frames that overlap
FREER_SHARE = 0.35  # of what notes are at every dynamic: shrinking alone leaves a tenth, coarser places some more
BEAT_DB = 2.5  # of swings of 6 dB twice a second: 17 moments miss 1.6, ten held as smooth as laws 4.3
DESCENT_SHARE = 0.01  # of a law: eight steps from a fifth or six times of it
THUMP_DB = 12.0  # from the band of a thump to the next but one: a window of 23 ms shows 20, one of 12 ms showed 4
SCATTERED_RATE_OCTAVES = 1.0  # where overtones fall 3 dB otherwise by chance: as smooth as levels 0.7, freer 1.4
