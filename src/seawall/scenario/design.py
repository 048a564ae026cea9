"""Design: the statements of a scenario that state its fund design, made into a design file and loaded.

Layer    scenario; imports design, scenario.parse.
Not here any rule of a design: the loader checks what is composed here, so a scenario's design is one like any other.
Held to  this by tests/scenario/test_design.py: a problem that the loader finds stands at the scenario's own line.
"""

from __future__ import annotations

import re
import tomllib
import types
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Union, get_args, get_origin

import msgspec
import tomlkit

from seawall.design.errors import BadInput, Problem
from seawall.design.loader import load_design, parse_design
from seawall.design.locator import KeyPath
from seawall.design.presets import preset_names, preset_text
from seawall.design.types import SCHEMA, Design, ExcessSplit, ResidualSplit, SurchargeSplit
from seawall.scenario.parse import RULE, Scenario, Statement, Words, near, time_ms

DEFAULT_MAINTENANCE_PPM: Final = 50_000
DEFAULT_INITIAL_PPM: Final = 100_000

RESERVED: Final = frozenset(
    ("severity", "carried", "pending", "repaid", "treasury", "excess", "haircut", "from", "duplicate", "conflict",
     "refused", "nothing", "liquidator", "lender", "waits",
     "claim")
)  # fmt: skip
"""Words that begin an expectation, so that no layer may be called so."""

_TIER_KEYS: Final = {
    "up_to": "up_to_notional", "maintenance_ppm": "maintenance_margin_ppm", "initial_ppm": "initial_margin_ppm",
    "deducted": "maintenance_deducted",
}  # fmt: skip
_SHORT: Final = {
    "tick": "tick_size", "lot": "lot_size", "floor": "feed_floor", "ceiling": "feed_ceiling", "ranking": "adl_ranking",
    "eligible": "adl_eligible", "price": "adl_price", "base": "socialised_base",
}  # fmt: skip
"""Shorter words for keys of the design file; every key may be written by its own name."""
_SPLITS: Final[dict[str, type[msgspec.Struct]]] = {
    "surcharge_split": SurchargeSplit, "residual_split": ResidualSplit, "excess_split": ExcessSplit,
}  # fmt: skip
_TABLES: Final[dict[str, KeyPath]] = {
    "liquidation": ("liquidation",),
    "mark": ("mark",),
    "accounts": ("accounts",),
    "withdrawals": ("withdrawals",),
    "publishing": ("publishing",),
    "stress": ("stress",),
}
"""Lines `TABLE KEY VALUE KEY VALUE ...`."""
_OF_LAYER: Final[dict[str, KeyPath]] = {
    "takeover": ("liquidation", "takeover"),
    "pool": ("pool",),
    "revenue_pool": ("accumulation", "revenue_pool"),
}
"""Lines `TABLE LAYER KEY VALUE ...`: tables whose first key is a layer."""
_SINGLE: Final[dict[str, KeyPath]] = {
    "trigger": ("liquidation", "trigger"),
    "surcharge_ppm": ("liquidation", "surcharge_ppm"),
    "capacity": ("liquidation", "max_accounts_per_step"),
    "max_age_ms": ("mark", "max_age_ms"),
    "commission_share_ppm": ("accumulation", "commission_share_ppm"),
    "pass_through_ppm": ("stress", "pass_through_ppm"),
    "recovery_ppm": ("stress", "recovery_ppm"),
}
_ONCE: Final = ("design", "asset", "exhaustion", *_SPLITS, *_SINGLE, *_OF_LAYER)
_LEVEL = re.compile(r"([0-9]+)x([0-9]+)", re.ASCII)


@dataclass(slots=True)
class _Draft:
    """A design document under way: its tables, and the scenario's line of every key that was written."""

    raw: dict[str, Any] = field(default_factory=dict)
    lines: dict[KeyPath, int] = field(default_factory=dict)

    def put(self, path: KeyPath, value: object, line: int) -> None:
        """Write a key; tables on the way are made, elements of arrays have to be there."""
        table: Any = self.raw
        for part in path[:-1]:
            table = table.setdefault(part, {}) if isinstance(part, str) else table[part]
        table[path[-1]] = value
        for length in range(1, len(path) + 1):
            self.lines.setdefault(path[:length], line)
        self.lines[path] = line

    def element(self, path: KeyPath, line: int) -> KeyPath:
        """The path of a new element of an array of tables."""
        table: Any = self.raw
        for part in path[:-1]:
            table = table.setdefault(part, {}) if isinstance(part, str) else table[part]
        elements = table.setdefault(path[-1], [])
        elements.append({})
        here = (*path, len(elements) - 1)
        self.lines.setdefault(path, line)
        self.lines[here] = line
        return here


def build_design(scenario: Scenario) -> tuple[Design, str]:
    """The design that a scenario states, and its TOML text.

    Errors  BadInput with every problem, at lines of the scenario; a design file's own problems at lines of that file.
    """
    problems: list[Problem] = []
    draft, named = _start(scenario)
    seen: dict[str, Statement] = {}
    for statement in scenario.design:
        words = Words(scenario.file, statement.line, statement.what, statement.words)
        keyword = words.next("a statement")
        try:
            if keyword in _ONCE and keyword in seen:
                raise words.bad(f"one line `{keyword}`", f"another on line {seen[keyword].line}")
            seen.setdefault(keyword, statement)
            if keyword == "design":
                continue
            if keyword in ("set", "unset"):
                _change(draft, keyword, words, statement.line)
                continue
            if named is not None:
                wanted = f"`set` or `unset`, since line {named.line} names a design"
                raise words.bad(wanted, f"`{keyword}`", 'e.g. "set layers.shared.balance 500"')
            _compact(draft, keyword, words, statement.line)
            words.end()
        except BadInput as error:
            problems += error.problems
    if problems:
        raise BadInput(problems)
    text = tomlkit.dumps(draft.raw)
    try:
        design = parse_design(text, scenario.file)
    except BadInput as error:
        located = (_located(problem, draft, scenario) for problem in error.problems)
        raise BadInput(sorted(located, key=lambda problem: problem.line)) from None
    for layer in design.layers:
        if layer.id in RESERVED:
            wanted, found = "a layer id that does not begin an expectation", repr(layer.id)
            raise BadInput(Problem(scenario.file, _line(draft, scenario), "layer", wanted, found, RULE))
    return design, text


def _start(scenario: Scenario) -> tuple[_Draft, Statement | None]:
    """What the design begins with: a preset, a file, or the little that compact lines leave unsaid."""
    named = next((statement for statement in scenario.design if statement.keyword == "design"), None)
    if named is None:
        return _Draft(_defaults(scenario)), None
    words = Words(scenario.file, named.line, named.what, named.words[1:])
    first = words.next("`preset` and a name, or the path of a design file")
    if first == "preset":
        name = words.one_of("a preset", preset_names())
        text = preset_text(name)
    else:
        path = scenario.path.parent / first
        load_design(path)
        text = path.read_text(encoding="utf-8-sig")
    words.end()
    return _Draft(tomllib.loads(text)), named


def _defaults(scenario: Scenario) -> dict[str, Any]:
    name = re.sub(r"[^A-Za-z0-9._:-]", "-", scenario.path.stem)[:64] or "scenario"
    return {"schema": SCHEMA, "name": name, "liquidation": {"surcharge_ppm": 0}, "exhaustion": {"policy": "adl"}}


# -- compact lines -------------------------------------------------------------------------------------------


def _compact(draft: _Draft, keyword: str, words: Words, line: int) -> None:
    if keyword in _SINGLE:
        path = _SINGLE[keyword]
        draft.put(path, _value(path, words.next(f"a value for {keyword}")), line)
    elif keyword in _SPLITS:
        receivers = tuple(field.encode_name for field in msgspec.structs.fields(_SPLITS[keyword]))
        while words.left:
            receiver = words.one_of("a receiver", receivers)
            path = ("accumulation", f"{keyword}_ppm", receiver)
            draft.put(path, _value(path, words.next("parts per million")), line)
        for receiver in receivers:  # what is not named gets nothing, whatever the file's default
            if receiver not in draft.raw.get("accumulation", {}).get(f"{keyword}_ppm", {}):
                draft.put(("accumulation", f"{keyword}_ppm", receiver), 0, line)
    elif keyword == "asset":
        draft.put(("asset", "id"), words.next("an asset"), line)
        words.one_of("the asset's decimals", ("decimals",))
        draft.put(("asset", "decimals"), _value(("asset", "decimals"), words.next("decimals")), line)
    elif keyword == "market":
        _market(draft, words, line)
    elif keyword == "layer":
        here = draft.element(("layers",), line)
        draft.put((*here, "id"), words.next("a layer id"), line)
        _pairs(draft, here, words, line)
    elif keyword == "exhaustion":
        draft.put(("exhaustion", "policy"), words.next("a policy"), line)
        _pairs(draft, ("exhaustion",), words, line)
    elif keyword in _TABLES:
        _pairs(draft, _TABLES[keyword], words, line)
    elif keyword in _OF_LAYER:
        draft.put((*_OF_LAYER[keyword], "layer"), words.next("a layer"), line)
        _pairs(draft, _OF_LAYER[keyword], words, line)
    elif keyword in ("staking", "holding"):
        _in_layer(draft, keyword, words, line)
    elif keyword == "depth":
        _depth(draft, words, line)


def _in_layer(draft: _Draft, keyword: str, words: Words, line: int) -> None:
    """`staking LAYER KEY VALUE ...`, `holding LAYER asset ID part_ppm N ...`: what belongs to a layer stated above."""
    layers = {str(layer.get("id")): number for number, layer in enumerate(draft.raw.get("layers", ()))}
    number = layers[words.one_of("a layer that is stated above", tuple(layers))]
    if keyword == "holding":
        _pairs(draft, draft.element(("layers", number, "holdings"), line), words, line)
        return
    draft.raw["layers"][number].setdefault("stake", {})
    _pairs(draft, ("layers", number, "stake"), words, line)


def _pairs(draft: _Draft, table: KeyPath, words: Words, line: int) -> None:
    """Words in pairs, key and value, until the end: the single keys of the table, some by shorter words."""
    keys = _single_keys(table)
    while words.left:
        word = words.one_of("a key", tuple(keys))
        path = (*table, keys[word])
        if path in draft.lines:
            raise words.bad(f"`{word}` once", "it twice")
        draft.put(path, _value(path, words.next(f"a value for {word}")), line)


def _market(draft: _Draft, words: Words, line: int) -> None:
    here = draft.element(("markets",), line)
    draft.put((*here, "id"), words.next("a market id"), line)
    tier: KeyPath | None = None
    tiered = False
    keys = _single_keys(here)
    known = (*keys, *_TIER_KEYS, "tier")
    while words.left:
        word = words.one_of("a key of the market", known)
        if word == "tier":
            tier, tiered = draft.element((*here, "tiers"), line), True
            continue
        if word in _TIER_KEYS:
            tier = tier or draft.element((*here, "tiers"), line)
            path = (*tier, _TIER_KEYS[word])
        else:
            path = (*here, keys[word])
        if path in draft.lines:
            raise words.bad(f"`{word}` once", "it twice", "write `tier` in front of each margin tier")
        draft.put(path, _value(path, words.next(f"a value for {word}")), line)
    for key, default in (("tick_size", "1"), ("lot_size", "1")):
        if (*here, key) not in draft.lines:
            draft.put((*here, key), default, line)
    if draft.raw["markets"][here[-1]].get("kind") == "collateral":
        return  # no margin is asked on what is held as margin
    if tier is None:
        tier = draft.element((*here, "tiers"), line)
    if not tiered:
        for key, ppm in (
            ("maintenance_margin_ppm", DEFAULT_MAINTENANCE_PPM),
            ("initial_margin_ppm", DEFAULT_INITIAL_PPM),
        ):
            if (*tier, key) not in draft.lines:
                draft.put((*tier, key), ppm, line)


def _depth(draft: _Draft, words: Words, line: int) -> None:
    here = draft.element(("stress", "depth"), line)
    draft.put((*here, "market"), words.next("a market id"), line)
    sides: dict[str, list[list[int]]] = {}
    while words.left:
        word = words.one_of("a side or the unit of distance", ("bids", "asks", "distance"))
        if word == "distance":
            draft.put((*here, "distance"), words.one_of("a unit", ("ticks", "ppm")), line)
            continue
        sides.setdefault(word, [])
        while words.left and words.peek() not in ("bids", "asks", "distance"):
            sides[word].append(_level(words))
    for side, other in (("bids", "asks"), ("asks", "bids")):
        draft.put((*here, side), sides.get(side) or sides.get(other) or [], line)


def _level(words: Words) -> list[int]:
    word = words.next("a level")
    match = _LEVEL.fullmatch(word)
    if match is None:
        raise words.bad("a level, distance x lots, such as 3x5", repr(word))
    return [int(match.group(1)), int(match.group(2))]


# -- set and unset -------------------------------------------------------------------------------------------


def _change(draft: _Draft, keyword: str, words: Words, line: int) -> None:
    """One key changed or taken out: `set layers.shared.event_limit 300`, `unset layers.shared.event_limit`."""
    text = words.next("a key, e.g. layers.shared.balance")
    path = _resolve(draft.raw, text, words)
    kind = _kind(path)
    if kind is None:
        raise words.bad("a key of a design file", repr(text), near(str(path[-1]), _known_keys(path[:-1])))
    if keyword == "unset":
        table: Any = draft.raw
        for part in path[:-1]:
            table = table.get(part, {}) if isinstance(part, str) else table[part]
        if path[-1] not in table:
            raise words.bad("a key that the design states", repr(text))
        del table[path[-1]]
        draft.lines[path] = line
    elif path[-1] in ("bids", "asks"):
        levels = []
        while words.left:
            levels.append(_level(words))
        draft.put(path, levels, line)
    else:
        draft.put(path, _value(path, words.next(f"a value for {text}")), line)
    words.end()


def _resolve(raw: dict[str, Any], text: str, words: Words) -> KeyPath:
    """A dotted key as a path; elements of arrays are named by position, `layers[2]`, or by id, `layers.shared`."""
    path: KeyPath = ()
    here: Any = raw
    rest = text
    while rest:
        if isinstance(here, list):
            index, rest = _element(here, rest, words)
            path += (index,)
            here = here[index]
        else:
            match = re.match(r"[^.\[]+", rest)
            if match is None:
                raise words.bad("a dotted key such as layers.shared.balance", repr(text))
            key = match.group()
            path, rest = (*path, key), rest[match.end() :]
            here = here.get(key, {}) if isinstance(here, dict) else {}
        rest = rest.removeprefix(".")
    return path


def _element(elements: list[Any], rest: str, words: Words) -> tuple[int, str]:
    """(position, what is left of the key) of an element named by position or by its id or market."""
    if match := re.match(r"\[([0-9]+)\]", rest):
        if int(match.group(1)) >= len(elements):
            raise words.bad(f"a position from 0 to {len(elements) - 1}", match.group())
        return int(match.group(1)), rest[match.end() :]
    names = [str(e.get("id", e.get("market", ""))) if isinstance(e, dict) else "" for e in elements]
    fitting = [name for name in names if name and (rest == name or rest.startswith(f"{name}."))]
    if not fitting:
        head = rest.partition(".")[0]
        raise words.bad(f"one of {', '.join(filter(None, names))}", repr(head), near(head, filter(None, names)))
    name = max(fitting, key=len)
    return names.index(name), rest[len(name) :]


def _bare(kind: Any) -> Any:
    """A type without its Annotated and Optional wrappings."""
    origin = get_origin(kind)
    if origin is Annotated:
        return _bare(get_args(kind)[0])
    if origin in (Union, types.UnionType):
        return _bare(next(arg for arg in get_args(kind) if arg is not types.NoneType))
    return kind


def _walk(path: KeyPath) -> Any:
    """The type of what stands at a path of a design document; None where there is no such key."""
    kind: Any = Design
    for part in path:
        kind = _bare(kind)
        if isinstance(part, int):
            kind = get_args(kind)[0] if get_origin(kind) is tuple else None
        elif isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            kind = {f.encode_name: f.type for f in msgspec.structs.fields(kind)}.get(part)
        else:
            kind = None
        if kind is None:
            return None
    return _bare(kind)


def _kind(path: KeyPath) -> Any:
    """The type of a single key; None for tables and for what does not exist."""
    kind = _walk(path)
    return None if kind is None or (isinstance(kind, type) and issubclass(kind, msgspec.Struct)) else kind


def _known_keys(table: KeyPath) -> list[str]:
    kind = _walk(table)
    is_table = isinstance(kind, type) and issubclass(kind, msgspec.Struct)
    return [field.encode_name for field in msgspec.structs.fields(kind)] if is_table else []


def _single_keys(table: KeyPath) -> dict[str, str]:
    """The keys of a table that one word can state, by the word: shorter words, then the keys' own names."""
    single = [key for key in _known_keys(table) if key != "id" and not _of_tables(_kind((*table, key)))]
    return {word: key for word, key in _SHORT.items() if key in single} | {key: key for key in single}


def _of_tables(kind: Any) -> bool:
    """Whether a key holds no single value: a table (None here), or an array of tables."""
    inner = _bare(get_args(kind)[0]) if get_origin(kind) is tuple else kind
    return inner is None or (isinstance(inner, type) and issubclass(inner, msgspec.Struct))


def _value(path: KeyPath, word: str) -> str | int | list[str]:
    """A word as the file wants it at a path: whole numbers, true and false without quotes, lists parted by `+`.

    A word that is no number where one is wanted stays a string, so that the loader says what it wanted.
    """
    kind = _kind(path)
    if get_origin(kind) is tuple:
        return word.split("+")
    if kind is bool and word in ("true", "false"):
        return word == "true"
    if kind is not int:
        return word
    duration = time_ms(word) if str(path[-1]).endswith("_ms") else None
    if duration is not None:
        return duration
    return int(word) if re.fullmatch(r"-?[0-9]{1,18}", word, re.ASCII) else word


# -- where the loader's problems stand -----------------------------------------------------------------------


def _located(problem: Problem, draft: _Draft, scenario: Scenario) -> Problem:
    """A problem of the composed design, at the scenario's line of the key that it is about."""
    path = tuple(_parts(problem.field))
    line = next((draft.lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in draft.lines), 0)
    hint = problem.hint
    if not line:
        line = _line(draft, scenario)
        words = {"asset": "asset USDC decimals 6", "markets": "market BTC", "layers": "layer shared kind shared_fund"}
        hint = f"write a line `{words[problem.field]}`" if problem.field in words else hint
    return Problem(scenario.file, line, problem.field, problem.wanted, problem.found, problem.rule, hint)


def _line(draft: _Draft, scenario: Scenario) -> int:
    return scenario.design[0].line if scenario.design else 0


def _parts(field_text: str) -> Iterator[str | int]:
    for key, index in re.findall(r"([^.\[\]]+)|\[([0-9]+)\]", field_text):
        yield int(index) if index else key
