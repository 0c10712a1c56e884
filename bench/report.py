"""Rows to words: a table, ratios of rounds, a verdict for each target."""
from statistics import median

NOISE = 0.05  # a core used this much by others makes a round doubtful

# scenario, whose figure Gatehouse's is divided by, at most this
RATIO_TARGETS = [("http1", "nginx", 1.1), ("https1", "nginx", 1.1), ("h2", "nginx", 1.0), ("tcp-down", "haproxy", 1.0),
                 ("tcp-up", "haproxy", 1.0), ("idle", "nginx", 1.3)]
# beginning of the scenario's name, at most this; the figure's unit is the row's
PLAIN_TARGETS = [("start-up", 1.0), ("memory of", 10), ("change live p99", 50), ("failures", 0)]


def values_of(rows, scenario, proxy):
    return {row.round: row.value for row in rows if row.scenario == scenario and row.proxy == proxy}


def in_order(names):
    return list(dict.fromkeys(names))


def table(rows):
    width = max([28, *(len(row.scenario) + 2 for row in rows)])
    yield f"{'scenario':<{width}}{'proxy':<11}{'median':>10} {'unit':<9}{'(min - max)':<22}{'rate/s':>10}{'cpu':>6}{'p99':>10}  notes"
    for scenario, proxy in in_order((row.scenario, row.proxy) for row in rows):
        group = [row for row in rows if (row.scenario, row.proxy) == (scenario, proxy)]
        yield table_line(scenario, proxy, group, width)


def table_line(scenario, proxy, group, width):
    values = [row.value for row in group]
    spread = f"({min(values):.2f} - {max(values):.2f})"
    rate, cpu, p99 = (median(getattr(row, name) for row in group) for name in ("rate", "cpu", "p99_ms"))
    return (f"{scenario:<{width}}{proxy:<11}{median(values):>10.2f} {group[0].unit:<9}{spread:<22}"
            f"{shown(rate, '.2f' if rate < 100 else '.0f'):>10}{shown(cpu, '.2f'):>6}"
            f"{shown(p99, '.2f', ' ms'):>10}  {remarks(group)}")


def shown(value, form, unit=""):
    return format(value, form) + unit if value else "-"


def remarks(group):
    failed = sum(row.failures for row in group)
    noisy = sum(row.foreign > NOISE for row in group)
    words = [f"{failed} FAILED"] if failed else []
    words += [f"noise in {noisy} of {len(group)}"] if noisy else []
    return ", ".join(words)


def ratio(rows, scenario, other):
    """Median, least and greatest of Gatehouse's value over the other's in the same round, or None."""
    ours, theirs = values_of(rows, scenario, "gatehouse"), values_of(rows, scenario, other)
    ratios = [ours[number] / theirs[number] for number in ours if theirs.get(number)]
    return (median(ratios), min(ratios), max(ratios)) if ratios else None


def ratios(rows):
    yield f"{'gatehouse / other':<28}{'nginx':<26}{'haproxy':<26}"
    for scenario in in_order(row.scenario for row in rows):
        found = [ratio(rows, scenario, other) for other in ("nginx", "haproxy")]
        if any(found):
            yield f"{scenario:<28}" + "".join(f"{ratio_words(each):<26}" for each in found)


def ratio_words(found):
    return f"{found[0]:.2f} ({found[1]:.2f} - {found[2]:.2f})" if found else "-"


def verdicts(rows):
    for scenario, other, limit in RATIO_TARGETS:
        yield f"{scenario + ' / ' + other:<34} <= {limit:<5} {ratio_verdict(rows, scenario, other, limit)}"
    for beginning, limit in PLAIN_TARGETS:
        for scenario in in_order(row.scenario for row in rows if row.scenario.startswith(beginning)):
            yield f"{scenario:<34} <= {limit:<5} {plain_verdict(rows, scenario, limit)}"


def ratio_verdict(rows, scenario, other, limit):
    found = ratio(rows, scenario, other)
    if not found:
        return "not measured"
    failed = any(row.failures for row in rows if row.scenario == scenario and row.proxy in ("gatehouse", other))
    return f"{judged(found[0], found[2], limit, failed)}: {ratio_words(found)}"


def plain_verdict(rows, scenario, limit):
    group = [row for row in rows if row.scenario == scenario]
    values = [row.value for row in group]
    short = group[0].notes.get("ingresses", 10_000) < 5_000 or group[0].notes.get("changes", 1000) < 100
    scope = " (at a tenth of the size)" if short else ""
    words = judged(median(values), max(values), limit, any(row.failures for row in group))
    return f"{words}: {median(values):.2f} {group[0].unit} ({min(values):.2f} - {max(values):.2f}){scope}"


def judged(middle, worst, limit, failed):
    if failed or middle > limit:
        return "NOT MET" + (" (some work failed)" if failed else "")
    return "met" if worst <= limit else "met by the median, not in every round"
