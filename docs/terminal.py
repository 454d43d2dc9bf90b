#!/usr/bin/env python3
"""Draws a recorded terminal as SVG, for the README.

    tmux new-session -d -s demo -x 100 -y 40 'samara run opinions; sleep 1000'
    tmux capture-pane -e -p -t demo | python3 docs/terminal.py > docs/run.svg

Reads text with ANSI colours (as tmux writes them) and writes one picture: every run of equal colour is a text or a
rectangle. Needs Python 3 alone.
"""

import html
import re
import sys

WIDTH, HEIGHT, PAD = 8.4, 18, 14
FORE, BACK = "#d8dee9", "#1b2330"
NAMED = ["#3b4252", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#d8dee9"]


def colour(codes, default):
    """The colour of 38;2;r;g;b or 38;5;n (48 likewise), given what follows the 38."""
    if codes[:1] == [2]:
        return "#%02x%02x%02x" % tuple(codes[1:4]), codes[4:]
    number = codes[1] if len(codes) > 1 else 7
    if number < 16:
        return NAMED[number % 8], codes[2:]
    if number < 232:
        number -= 16
        parts = [0 if part == 0 else 55 + 40 * part for part in (number // 36, number // 6 % 6, number % 6)]
        return "#%02x%02x%02x" % tuple(parts), codes[2:]
    return "#%02x%02x%02x" % ((8 + 10 * (number - 232),) * 3), codes[2:]


def style(codes, fore, back):
    """What a list of codes makes of the colours."""
    while codes:
        code, codes = codes[0], codes[1:]
        if code == 0:
            fore, back = FORE, None
        elif code == 39:
            fore = FORE
        elif code == 49:
            back = None
        elif code in (38, 48):
            chosen, codes = colour(codes, FORE)
            fore, back = (chosen, back) if code == 38 else (fore, chosen)
        elif 30 <= code <= 37 or 90 <= code <= 97:
            fore = NAMED[code % 10]
        elif 40 <= code <= 47:
            back = NAMED[code - 40]
    return fore, back


def pieces(line, fore, back):
    """(column, text, fore, back) of a line, and the colours that the next one begins with."""
    found, column = [], 0
    for part in re.split(r"(\x1b\[[0-9;]*m)", line):
        if part.startswith("\x1b["):
            codes = [int(code or 0) for code in part[2:-1].split(";")]
            fore, back = style(codes, fore, back)
        elif part:
            found.append((column, part, fore, back))
            column += len(part)
    return found, column, fore, back


def main():
    lines = sys.stdin.read().rstrip("\n").split("\n")
    fore, back, body, columns = FORE, None, [], 0
    for row, line in enumerate(lines):
        found, width, fore, back = pieces(line, fore, back)
        columns = max(columns, width)
        for column, text, front, behind in found:
            x, y = PAD + column * WIDTH, PAD + row * HEIGHT
            if behind:
                body.append(f'<rect x="{x:.1f}" y="{y}" width="{len(text) * WIDTH:.1f}" height="{HEIGHT}" fill="{behind}"/>')
            # Runs of spaces would be drawn as one: words are placed, not spaced.
            for words in re.finditer(r"\S+(?: \S+)*", text):
                place, length = x + words.start() * WIDTH, len(words.group()) * WIDTH
                body.append(
                    f'<text x="{place:.1f}" y="{y + 13}" fill="{front}" textLength="{length:.1f}" '
                    f'lengthAdjust="spacingAndGlyphs">{html.escape(words.group())}</text>'
                )
    width, height = 2 * PAD + columns * WIDTH, 2 * PAD + len(lines) * HEIGHT
    print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" width="{width:.0f}" '
          f'height="{height}" font-family="ui-monospace, Menlo, Consolas, DejaVu Sans Mono, monospace" '
          f'font-size="14">')
    print(f'<rect width="100%" height="100%" rx="8" fill="{BACK}"/>')
    print("\n".join(body))
    print("</svg>")


if __name__ == "__main__":
    main()
