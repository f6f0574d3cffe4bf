#!/usr/bin/python3
"""The papers' tables on real data, one command a table.

    bench/papers/run.py TABLE [-o FOLDER] [--models ae,memae] [--classes 3,5] [--seeds 1,2] [--jobs 2]
                        [--epochs N] [--preset NAME] [--set NAME=VALUE ...] [--limit N] [--test-limit N]
    bench/papers/run.py TABLE --markdown [-o FOLDER]      only the table of what has been measured
    bench/papers/run.py --list                            the tables, their models, protocols

Trains every model of the table on every class with every seed, last epoch, and appends what was measured to
FOLDER/results.csv, from which FOLDER/TABLE.md is made. A cell that is there, with the same settings, is not run again;
a killed run goes on where it was, in the middle of a training, too. What has other settings has a row of its own.

--jobs N trains N cells side by side with one thread each: for small nets faster than several threads in one.
--set goes over preset and settings of the table, for all models alike.

Environment: ENGRAM_BIN, the command (build/cli/engram); ENGRAM_DATA, the folder with mnist/, cifar10/ and mvtec/
(../shared/data beside the checkout).
"""
import argparse
import concurrent.futures
import datetime
import fcntl
import os
import signal
import statistics
import sys
import time
from pathlib import Path

import cells
import pictures
from store import DONE, Store, markdown, number
from tables import TABLES


def fail(text):
    sys.exit(f"bench/papers/run.py: {text}")


def say(text):
    print(text, file=sys.stderr, flush=True)


def duration(seconds):
    minutes = round(seconds / 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60:02} min"
    return f"{minutes} min" if minutes else f"{seconds:.0f} s"


def plural(n, word):
    return f"{n} {word}{'' if n == 1 else 's'}"


# ---- which cells ----


def chosen(word, names, what):
    """The names in a list with commas, all without one."""
    if word is None:
        return list(names)
    wanted = word.split(",")
    for name in wanted:
        if name not in names:
            fail(f"there is no {what} '{name}' in this table; there are: {'; '.join(names)}")
    return wanted


def settings_of(table, recipe, args):
    """Each option once, as it was last said."""
    words = recipe.settings.split() + ([f"epochs={args.epochs}"] if args.epochs else []) + args.set
    return tuple(f"{name}={value}" for name, value in dict(w.split("=", 1) for w in words).items())


def cells_of(table, args):
    """Seed by seed: when a run is stopped, every model has been measured with as many of them."""
    return [cells.Cell(table, model, group, seed, args.preset or table.models[model].preset,
                       settings_of(table, table.models[model], args), (args.limit, args.test_limit))
            for seed in (args.seeds or table.seeds).split(",")
            for group in chosen(args.classes, table.classes, "class")
            for model in chosen(args.models, table.models, "model")]


def check_places(table):
    if not cells.ENGRAM.exists():
        fail(f"there is no command {cells.ENGRAM}; make build makes it, or set ENGRAM_BIN")
    if table.data and not (cells.DATA / pictures.FOLDERS[table.data]).is_dir():
        fail(f"there is no {cells.DATA / pictures.FOLDERS[table.data]}; set ENGRAM_DATA to the folder with it")


# ---- running them ----


class Estimate:
    """Seconds still to go, from what cells of the same row have taken, in this run or an earlier one."""

    def __init__(self, store, jobs):
        self.store, self.jobs = store, jobs

    def left(self, todo):
        known = {}
        for (table, model, _, _, settings), values in self.store.cells.items():
            known.setdefault((table, model, settings), []).append(number(values, DONE))
        means = {row: statistics.mean(s) for row, s in known.items()}
        rows = [(c.table.name, c.model, c.settings_text) for c in todo]
        unknown = sum(r not in means for r in rows)
        text = f"about {duration(sum(means.get(r, 0) for r in rows) / self.jobs)} left"
        return text + (f", not counting {plural(unknown, 'cell')} of models not measured yet" if unknown else "")


def run_cell(run, cell, folder, threads):
    start = time.monotonic()
    place, values = cell.table.measure(run, cell, folder, threads)
    values["date", ""] = str(datetime.date.today())
    values[DONE, ""] = f"{time.monotonic() - start:.1f}"
    return place, values


def headline(table, values):
    found = [f"{title} {number(values, metric):.{digits}f}" for metric, title, digits in table.metrics
             if number(values, metric) is not None]
    return ", ".join(found)


def run_cells(todo, store, args, threads):
    """How many failed; the others' results are in the store."""
    run, estimate, failed, left = cells.Runner(), Estimate(store, args.jobs), 0, list(todo)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        futures = {pool.submit(run_cell, run, cell, args.output / "cells", threads): cell for cell in todo}
        try:
            for future in concurrent.futures.as_completed(futures):
                cell = futures[future]
                left.remove(cell)
                try:
                    place, values = future.result()
                except (cells.Failed, OSError) as e:
                    failed += 1
                    say(f"{cell}: {e}")
                    continue
                store.add(cell.key, values)
                if not args.keep:
                    place.remove()
                say(f"{len(todo) - len(left)} of {len(todo)}  {cell}: {headline(cell.table, values)}; "
                    f"{estimate.left(left)}")
        except KeyboardInterrupt:
            run.stop()
            pool.shutdown(cancel_futures=True)
            say("stopped; the same command goes on from here")
            sys.exit(130)
    return failed


# ---- the command ----


def list_tables():
    for table in TABLES.values():
        print(f"{table.name}: {table.title}\n    {', '.join(table.models)}\n    {table.protocol}")


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", nargs="?", choices=TABLES, metavar="TABLE")
    parser.add_argument("-o", "--output", type=Path, default=cells.ROOT / "papers", metavar="FOLDER")
    parser.add_argument("--models", metavar="NAME,...")
    parser.add_argument("--classes", metavar="NAME,...")
    parser.add_argument("--seeds", metavar="N,...")
    parser.add_argument("--jobs", type=int, default=1, metavar="N")
    parser.add_argument("--epochs", type=int, metavar="N")
    parser.add_argument("--preset", metavar="NAME", help="in place of the table's")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE",
                        help="an option over table and preset")
    parser.add_argument("--limit", type=int, default=0, metavar="N", help="pictures to train on")
    parser.add_argument("--test-limit", type=int, default=0, metavar="N", help="pictures to test with")
    parser.add_argument("--keep", action="store_true", help="keep the trained models, in FOLDER/cells")
    parser.add_argument("--markdown", action="store_true", help="run nothing")
    parser.add_argument("--list", action="store_true", help="the tables")
    args = parser.parse_args()
    if not args.list and not args.table:
        parser.error("which table? --list lists them")
    if any("=" not in s for s in args.set):
        parser.error("--set takes NAME=VALUE")
    return args


def run_table(table, store, args):
    """How many cells failed."""
    check_places(table)
    if table.measure is cells.measure_cost and args.jobs > 1:
        fail("times are measured one at a time: leave out --jobs")
    every = cells_of(table, args)
    todo = [c for c in every if c.key not in store.cells]
    threads = 1 if args.jobs > 1 else len(os.sched_getaffinity(0))
    say(f"{table.name}: {len(every) - len(todo)} of {plural(len(every), 'cell')} done; "
        f"{Estimate(store, args.jobs).left(todo)}")
    return run_cells(todo, store, args, threads)


def main():
    args = parse()
    if args.list:
        return list_tables()
    table, failed = TABLES[args.table], 0
    args.output = args.output.resolve()
    store = Store(args.output / "results.csv")
    if not args.markdown:
        with open(args.output / f"{table.name}.lock", "w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                fail(f"another run is making this table in {args.output}")
            failed = run_table(table, store, args)
    text = "\n".join(markdown(store, table)) + "\n"
    (args.output / f"{table.name}.md").write_text(text)
    print(text, end="")
    if failed:
        fail(f"{plural(failed, 'cell')} failed; the same command tries again")


if __name__ == "__main__":
    main()
