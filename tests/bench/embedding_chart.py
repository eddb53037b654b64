"""The table and the bar chart of compare_embedding.py. Rows: {(engine, workload): {"tokens_per_s", "ms", "ratio", ...}}."""
COLORS = ["#9aa5b1", "#c0a16b", "#8b6f9e", "#5b9bd5", "#1f4e8c", "#7fbf7b", "#1b7837", "#d6604d"]


def unique(values):
    return list(dict.fromkeys(values))


def table(rows, cosines):
    """Markdown: a row an engine, a column a workload, tokens per second and the ratio to the first engine."""
    engines, workloads = unique(e for e, _ in rows), unique(w for _, w in rows)
    lines = ["| engine | " + " | ".join(workloads) + " | cosine to our fp32 (mean, worst) |",
             "|---" * (len(workloads) + 2) + "|"]
    for engine in engines:
        cells = []
        for workload in workloads:
            row = rows[engine, workload]
            first = f"{row['ms']:.2f} ms" if workload == "one_query" else f"{row['tokens_per_s']:,} tok/s"
            cells.append(f"{first}, {row['ratio']:.2f}x")
        cosine = "{:.4f}, {:.4f}".format(*cosines[engine]) if engine in cosines else ""
        lines.append(f"| {engine} | " + " | ".join(cells) + f" | {cosine} |")
    return "\n".join(lines)


def svg(rows):
    """Bars of ratios to the first engine, grouped by workload."""
    engines, workloads = unique(e for e, _ in rows), unique(w for _, w in rows)
    bar, gap, left, top, height = 16, 28, 50, 60 + 18 * len(engines), 300
    group = bar * len(engines) + gap
    width = left + group * len(workloads) + 20
    most = max(row["ratio"] for row in rows.values())
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{top + height + 40}" '
             'font-family="sans-serif" font-size="12">',
             f'<text x="{left}" y="24" font-size="16">MiniLM-L6: speed as a multiple of {engines[0]}</text>']
    for i, engine in enumerate(engines):
        y = 44 + 18 * i
        parts.append(f'<rect x="{left}" y="{y - 10}" width="12" height="12" fill="{COLORS[i % len(COLORS)]}"/>'
                     f'<text x="{left + 18}" y="{y}">{engine}</text>')
    for g, workload in enumerate(workloads):
        x0 = left + g * group
        for i, engine in enumerate(engines):
            ratio = rows[engine, workload]["ratio"]
            size = ratio / most * (height - 20)
            x, y = x0 + i * bar, top + height - size
            parts.append(f'<rect x="{x}" y="{y:.1f}" width="{bar - 2}" height="{size:.1f}" '
                         f'fill="{COLORS[i % len(COLORS)]}"/>'
                         f'<text x="{x}" y="{y - 3:.1f}" font-size="9">{ratio:.1f}</text>')
        parts.append(f'<text x="{x0}" y="{top + height + 18}">{workload}</text>')
    parts.append(f'<line x1="{left}" y1="{top + height}" x2="{width - 20}" y2="{top + height}" stroke="#333"/></svg>')
    return "\n".join(parts) + "\n"
