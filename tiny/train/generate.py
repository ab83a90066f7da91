#!/usr/bin/env python3
"""Text from tiny/grammar.txt: the same seed and size give the same text everywhere.

Usage: generate.py --seed N --bytes N > FILE

The notation is explained at the head of the grammar. The world's facts come from a seed of their own, so that texts of
different seeds tell of the same world.
"""
import argparse
import functools
import random
import re
import sys
from pathlib import Path

GRAMMAR = Path(__file__).resolve().parent.parent / "grammar.txt"
WORLD_SEED = 1
SEPARATOR = "\n\n* * *\n\n"

ONES = ("none one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen").split()
TENS = "_ _ twenty thirty forty fifty sixty seventy eighty ninety".split()


def words(n):
    """An integer from 0 to 999 in words."""
    if n < 20:
        return ONES[n]
    if n < 100:
        return TENS[n // 10] + (f"-{ONES[n % 10]}" if n % 10 else "")
    return f"{ONES[n // 100]} hundred" + (f" and {words(n % 100)}" if n % 100 else "")


class Row(dict):
    """A row of a table: field -> string, number or other row."""

    def __init__(self, table, fields):
        super().__init__(fields)
        self.table = table

    __hash__ = object.__hash__

    def __eq__(self, other):
        return self is other


class Grammar:
    """Rules (name -> alternatives, weights) and tables (name -> rows) with the world's facts filled in."""

    def __init__(self, text):
        self.rules, self.tables = {}, {}
        facts, table, rule = [], None, None
        for line in text.splitlines():
            if not line.strip() or line.startswith("#"):
                continue
            if not line.startswith(" "):
                table = rule = None
                kind, _, rest = line.partition(" ")
                name, _, columns = rest.partition(":")
                if kind == "table":
                    table, fields = name, [c.strip() for c in columns.split("|")]
                    self.tables[table] = []
                elif kind == "facts":
                    facts += [(name, *f.split("=")) for f in columns.split()]
                else:
                    rule = line.strip()
                    self.rules[rule] = ([], [])
            elif table:
                self.tables[table].append(Row(table, zip(fields, (c.strip() for c in line.split("|")), strict=True)))
            else:
                weight, alternative = re.fullmatch(r"(?:(\d+) \* )?(.*)", line.strip()).groups()
                self.rules[rule][0].append(compile_alternative(alternative))
                self.rules[rule][1].append(int(weight or 1))
        self._fill_world(facts)

    def _fill_world(self, facts):
        rng = random.Random(WORLD_SEED)
        for rows in self.tables.values():
            for i, row in enumerate(rows):
                row["next"] = rows[(i + 1) % len(rows)]
                row["legs"] = int(row["legs"]) if "legs" in row else None
        for table, field, source in facts:
            for row in self.tables[table]:
                if ".." in source:
                    row[field] = rng.randint(*map(int, source.split("..")))
                else:
                    row[field] = rng.choice([other for other in self.tables[source] if other is not row])

    @functools.cache
    def habit(self, table, owner):
        """The table's rows in the order in which `owner` likes them, and their weights by Zipf's law."""
        rows = list(self.tables[table])
        random.Random(f"{WORLD_SEED} {table} {owner.table} {owner['name']}").shuffle(rows)
        return rows, [1 / rank**1.3 for rank in range(1, len(rows) + 1)]


def compile_alternative(text):
    """Parts in order: ("bind", (name, op, what)), ("show", tag) or ("text", literal)."""
    parts = []
    for piece in re.split(r"(\[[^]]*\]|<[^>]*>)", text):
        if piece.startswith("["):
            parts += [("bind", re.fullmatch(r"(\w+)([:=])(.+)", b).groups()) for b in piece[1:-1].split()]
        elif piece.startswith("<"):
            parts.append(("show", piece[1:-1]))
        elif piece:
            parts.append(("text", piece.replace("//", "\n\n").replace("/", "\n")))
    return parts


class Document:
    """One text; names stay bound from where they are bound to its end."""

    def __init__(self, grammar, rng):
        self.grammar, self.rng, self.names = grammar, rng, {}

    def expand(self, rule):
        alternatives, weights = self.grammar.rules[rule]
        return self.follow(self.rng.choices(alternatives, weights)[0])

    def repeat(self, rule, times, differently):
        """`rule` a number of times of the range `times`; `differently`: no alternative twice."""
        count = self.rng.randint(*map(int, times.split("..")))
        if differently:
            return " ".join(map(self.follow, self.rng.sample(self.grammar.rules[rule][0], count)))
        return " ".join(self.expand(rule) for _ in range(count))

    def follow(self, parts):
        out = []
        for kind, value in parts:
            if kind == "bind":
                self.bind(*value)
            else:
                out.append(self.show(value) if kind == "show" else value)
        return "".join(out)

    def bind(self, name, op, what):
        if op == "=":
            value = self.evaluate(what)
        elif ".." in what:
            low, high = what.split("..")
            value = self.rng.randint(self.evaluate(low), self.evaluate(high))
        else:
            table, _, owner = what.partition("~")
            held = [v for n, v in self.names.items() if n != name]
            rows, weights = self.grammar.tables[table], None
            if owner:
                rows, weights = self.grammar.habit(table, self.names[owner])
            value = self.rng.choices(rows, weights)[0]
            while value in held:
                value = self.rng.choices(rows, weights)[0]
        self.names[name] = value

    def evaluate(self, expression):
        """A bound value, or the arithmetic of bound numbers."""
        if re.fullmatch(r"[a-z][\w.]*", expression):
            return self.lookup(expression)
        return eval(re.sub(r"[a-z][\w.]*", lambda m: str(self.lookup(m[0])), expression), {"__builtins__": {}})

    def lookup(self, path):
        head, *fields = path.split(".")
        value = self.names[head]
        for field in fields:
            value = value[field]
        return value

    def show(self, tag):
        if tag[0] == "^":
            text = self.show(tag[1:])
            return text[0].upper() + text[1:]
        if tag[0] == "?":
            return self.expand(tag[1:]) + " " if self.rng.random() < 0.5 else ""
        if tag[0] == "#":
            return str(self.lookup(tag[1:]))
        if repetition := re.fullmatch(r"(\w+)([*+])(.*)", tag):
            rule, sign, times = repetition.groups()
            return self.repeat(rule, times, differently=sign == "+")
        if tag.startswith("a "):
            text = self.show(tag[2:])
            return ("an " if text[0].lower() in "aeiou" else "a ") + text
        if " " in tag:
            number, path = tag.split(" ")
            count = self.lookup(number)
            return words(count) + " " + self.show(path if count == 1 else path + ".plural")
        if tag in self.grammar.rules:
            return self.expand(tag)
        value = self.lookup(tag)
        return value["name"] if isinstance(value, Row) else words(value) if isinstance(value, int) else value


def documents(seed):
    """Endless documents, without a closing line break."""
    grammar = Grammar(GRAMMAR.read_text(encoding="utf-8"))
    rng = random.Random(seed)
    while True:
        yield Document(grammar, rng).expand("document").rstrip()


def generate(seed, size):
    """Documents of at least `size` bytes together."""
    out, total = [], 0
    for text in documents(seed):
        out.append(text)
        total += len((text + SEPARATOR).encode())
        if total >= size:
            return out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--bytes", type=int, required=True)
    args = parser.parse_args()
    sys.stdout.buffer.write((SEPARATOR.join(generate(args.seed, args.bytes)) + "\n").encode())


if __name__ == "__main__":
    main()
