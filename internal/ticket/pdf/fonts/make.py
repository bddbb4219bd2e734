"""Makes the faces of printed tickets: Noto Sans (OFL 1.1) from its full TTFs, and Anton FQ from the font of the pages.

    python3 make.py NotoSans_400Regular.ttf NotoSans_700Bold.ttf anton-fq.woff2      (needs fonttools and brotli)

Noto Sans keeps Latin with all marks, as Yoruba, Igbo, Hausa and European names need it, and the signs of money. Marks that
stand over the letter before them get a width of a thousandth: the writer of the PDF takes none for a missing one.
"""
import sys
from fontTools import subset
from fontTools.ttLib import TTFont

ranges = [(0x20, 0x7E), (0xA0, 0x24F), (0x250, 0x2AF), (0x2B0, 0x2FF), (0x300, 0x36F), (0x1E00, 0x1EFF), (0x2010, 0x2027),
          (0x2030, 0x203A), (0x20A0, 0x20BF), (0x2116, 0x2122), (0x2212, 0x2212), (0xFFFD, 0xFFFD)]
def widen(font):
    cmap, hmtx = font.getBestCmap(), font["hmtx"]
    for c in range(0x300, 0x370):
        if c in cmap and hmtx[cmap[c]][0] == 0:
            hmtx[cmap[c]] = (-(-font["head"].unitsPerEm // 1000), hmtx[cmap[c]][1])
    return font

for source, target in zip(sys.argv[1:3], ("noto-sans.ttf", "noto-sans-bold.ttf")):
    options = subset.Options()
    options.layout_features, options.hinting, options.glyph_names = [], False, False
    options.notdef_outline, options.name_IDs = True, [0, 1, 2, 3, 4, 5, 6, 13, 14]
    font = TTFont(source)
    s = subset.Subsetter(options)
    s.populate(unicodes=[c for a, b in ranges for c in range(a, b + 1)])
    s.subset(font)
    widen(font).save(target)
anton = TTFont(sys.argv[3])
anton.flavor = None
anton.save("anton-fq.ttf")
