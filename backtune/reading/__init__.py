"""Reading what musicians keep on disk: file names, tables, SFZ texts, SoundFonts; knows no patch."""
