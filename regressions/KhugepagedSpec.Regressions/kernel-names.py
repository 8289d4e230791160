#!/usr/bin/env python3
"""Writes kernel-names.txt: which names the files cited here define, in two releases.

    kernel-names.py 7.2.13=TREE 7.3.4=TREE

Names alone, no code: the functions, macros and types that a file defines, and of what else it has, what our sources
mention. A name is followed by the release that alone has it; one that both have stands bare. The cited files are
found in the sources.
"""
import collections
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PATH = re.compile(r"\b(?:mm|include|fs|kernel|virt|arch|tools)/[\w./-]+\.[chS]\b")
LINE = 140


def sources():
    files = subprocess.run(["git", "ls-files", "*.cs", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    # That of the test has what must not be there.
    return [(ROOT / file).read_text() for file in files if not file.endswith("CitationTests.cs")]


def names(text, mentioned):
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
    text = re.sub(r"//[^\n]*", " ", text)
    text = re.sub(r'"(?:\\.|[^"\\])*"', '""', text)
    found = set(re.findall(r"^#\s*define\s+(\w+)", text, flags=re.M))
    found |= set(re.findall(r"^(?!\s|#)[^;={}\n]*?\b(\w+)\s*\((?:[^;{}]|\n)*?\)\s*\{", text, flags=re.M))
    found |= set(re.findall(r"\b(?:struct|enum|union)\s+(\w+)\s*\{", text))
    found |= set(re.findall(r"\b\w+\b", text)) & mentioned
    return {name for name in found if len(name) > 2}


def main():
    releases = [argument.split("=", 1) for argument in sys.argv[1:]]
    lines = [f"# {' '.join(release for release, _ in releases)}: written by kernel-names.py"]
    texts = sources()
    mentioned = {word for text in texts for word in re.findall(r"\b\w*_\w+\b", text)}
    for path in sorted({path for text in texts for path in PATH.findall(text)}):
        having = collections.defaultdict(list)
        present = []
        for release, tree in releases:
            file = pathlib.Path(tree) / path
            if file.exists():
                present.append(release)
                for name in names(file.read_text(errors="replace"), mentioned):
                    having[name].append(release)
        lines.append(f"{path} {' '.join(present) or 'nowhere'}")
        line = " "
        for name, its in sorted(having.items()):
            word = name if len(its) == len(releases) else f"{name}@{its[0]}"
            if len(line) + 1 + len(word) > LINE:
                lines.append(line)
                line = " "
            line += " " + word
        if line.strip():
            lines.append(line)
    (HERE / "kernel-names.txt").write_text("\n".join(lines) + "\n")


main()
