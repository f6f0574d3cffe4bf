"""Results as a CSV file, to which finished cells are added, and the tables made from it."""
import csv
import io
import statistics

COLUMNS = ("table", "model", "class", "seed", "settings", "metric", "kind", "value")
KEY = COLUMNS[:5]
RATES = (0.01, 0.05, 0.1)  # at which false alarms are counted
DONE = "cell_seconds"  # the last line of a cell: without it the rest was cut off


class Store:
    """What is done: cells by key, each a dict from (metric, kind) to a value."""

    def __init__(self, path):
        self.path, self.cells = path, {}
        if path.exists():
            self.read(path.read_text())
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(",".join(COLUMNS) + "\n")

    def read(self, text):
        whole = text[:text.rfind("\n") + 1]
        if whole != text:  # a run was killed while it wrote
            self.path.write_text(whole)
        parts = {}
        for row in csv.DictReader(io.StringIO(whole)):
            key = tuple(row[c] for c in KEY)
            parts.setdefault(key, {})[row["metric"], row["kind"]] = row["value"]
            if row["metric"] == DONE:
                self.cells[key] = parts.pop(key)

    def add(self, key, values):
        """One write, so that what is in the file is whole cells."""
        text = io.StringIO()
        lines = csv.writer(text, lineterminator="\n")
        for (metric, kind), value in values.items():
            lines.writerow((*key, metric, kind, value))
        with open(self.path, "a") as out:
            out.write(text.getvalue())
        self.cells[key] = values


# ---- tables ----


def number(values, metric, kind=""):
    try:
        return float(values[metric, kind])
    except (KeyError, ValueError):
        return None


def shown(numbers, digits=4):
    """The mean over seeds, and how far they lie apart."""
    numbers = [n for n in numbers if n is not None]
    if not numbers:
        return ""
    text = f"{statistics.mean(numbers):.{digits}f}"
    if len(numbers) > 1:
        text += f" ({min(numbers):.{digits}f} to {max(numbers):.{digits}f})"
    return text


def said(runs, metric):
    """A number that all runs should share, or the two ends."""
    numbers = sorted({number(v, metric) for v in runs} - {None})
    return " to ".join(f"{n:g}" for n in dict.fromkeys((numbers[0], numbers[-1]))) if numbers else ""


def rows_of(store, table):
    """{(model, settings): {class: {seed: values}}} in the order of the table's models; nothing else shares a row."""
    rows = {}
    for (name, model, group, seed, settings), values in store.cells.items():
        if name == table.name:
            rows.setdefault((model, settings), {}).setdefault(group, {})[seed] = values
    order = list(table.models)
    return dict(sorted(rows.items(), key=lambda r: (order.index(r[0][0]) if r[0][0] in order else len(order), r[0])))


def cell_text(seeds, all_seeds, metric, digits):
    text = shown([number(v, metric) for v in seeds.values()], digits)
    missing = sorted(all_seeds - set(seeds), key=int)
    return text + (f", not seed {', '.join(missing)}" if missing and text else "")


def mean_over_classes(groups, metric, digits):
    """Of the mean of each seed, where a seed has every class of the row."""
    seeds = set.intersection(*(set(s) for s in groups.values()))
    means = [statistics.mean(n) for seed in sorted(seeds)
             if None not in (n := [number(groups[g][seed], metric) for g in groups])]
    return f"**{shown(means, digits)}** of {len(groups)}" if means else ""


def line(cells):
    return "| " + " | ".join(cells) + " |"


def head_of_row(model, settings, groups):
    """What every cell of the row has been measured with."""
    runs = [v for seeds in groups.values() for v in seeds.values()]
    seeds = sorted({s for group in groups.values() for s in group}, key=int)
    size = said(runs, "height")
    return [model, settings, f"{size}x{said(runs, 'width')}" if size else "",
            *(said(runs, metric) for metric in ("epochs", "trained", "held_out", "tested")), ", ".join(seeds)]


HEAD = ["model", "settings", "size", "epochs", "trained on", "held out", "tested", "seeds"]
MORE = (("training_seconds", "training, s", 0), ("milliseconds", "scoring, ms a picture", 2),
        *((f"{what}_{r}", f"{title} {r}", digits) for r in RATES
          for what, title, digits in (("alarms", "false alarms at", 4), ("off", "off", 1))))


def by_class(table, rows, metric, title, digits):
    """A column a class."""
    names = [c for c in table.classes if any(c in groups for groups in rows.values())]
    yield from ("", f"{title}, by the {table.of_class}:", "")
    yield line(HEAD + names + ["mean over classes"])
    yield "|" + "---|" * (len(HEAD) + len(names) + 1)
    for (model, settings), groups in rows.items():
        every = {s for seeds in groups.values() for s in seeds}
        cells = [cell_text(groups.get(c, {}), every, metric, digits) for c in names]
        yield line(head_of_row(model, settings, groups) + cells + [mean_over_classes(groups, metric, digits)])


def by_metric(rows, metrics):
    """A column a metric, over all classes that there are."""
    yield ""
    yield line(HEAD + [title for _, title, _ in metrics])
    yield "|" + "---|" * (len(HEAD) + len(metrics))
    for (model, settings), groups in rows.items():
        runs = [v for seeds in groups.values() for v in seeds.values()]
        cells = [shown([number(v, metric) for v in runs], digits) for metric, _, digits in metrics]
        yield line(head_of_row(model, settings, groups) + cells)


def measured(metrics, rows):
    return [m for m in metrics
            if any(number(v, m[0]) is not None for g in rows.values() for s in g.values() for v in s.values())]


def markdown(store, table):
    rows = rows_of(store, table)
    yield f"## {table.title}"
    yield from ("", table.protocol)
    if not rows:
        yield from ("", "Nothing has been measured yet.")
        return
    here, more = measured(table.metrics, rows), measured(MORE, rows)
    if len(table.classes) > 1:
        for metric, title, digits in here:
            yield from by_class(table, rows, metric, title, digits)
    else:
        yield from by_metric(rows, here)
    if more:
        yield from ("", "Cost and promises, mean over the row's cells (lowest to highest); a share of false alarms is "
                    "off its promise by so many standard deviations of what chance alone does:")
        yield from by_metric(rows, more)
