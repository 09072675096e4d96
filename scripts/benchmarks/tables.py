"""What benchmark.py found, as text and Markdown."""

from typing import Any


def ceiling_lines(result: dict[str, Any]) -> str:
    rates = ", ".join(f"{name} {rate / 1e12:.3g}" for name, rate in result["ceilings"].items())
    about = ", ".join(f"{key} {value}" for key, value in result["machine"].items())
    return f"{about}\nceilings in TFLOP/s: {rates}"


def training_lines(result: dict[str, Any]) -> str:
    lines = [
        f"\n{result['case']}: {result['flops_per_image'] / 1e9:.1f} GFLOP an image\n",
        "| | images/s | lowest to highest | without waiting | waiting | TFLOP/s | of the ceiling "
        "| peak MB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in ("reference", "ours"):
        row = result[name]
        median, low, high = row["images_per_s"]
        lines.append(
            f"| {name} | {median:.2f} | {low:.2f} to {high:.2f} "
            f"| {row['step_images_per_s'][0]:.2f} | {100 * row['waiting'][0]:.1f} % "
            f"| {row['flop_per_s'] / 1e12:.3g} "
            f"| {100 * row['flop_per_s'] / result['ceiling']:.0f} % "
            f"| {row['peak_bytes'] / 2**20:.0f} |"
        )
    median, low, high = result["ratio"]
    share = 100 * result["convolutions_share"]
    return "\n".join([
        *lines, f"\nours / reference: {median:.2f} ({low:.2f} to {high:.2f}); convolutions by "
        f"themselves would take {share:.0f} % of the time of our step",
    ])


def loading_lines(rates: dict[str, tuple[float, float, float]]) -> str:
    reference = rates["reference"][0]
    rows = [f"| {name} | {median:.0f} | {low:.0f} to {high:.0f} | {median / reference:.1f} |"
            for name, (median, low, high) in rates.items()]
    head = ["\n| loading, one process | pairs a CPU second | lowest to highest | times reference |",
            "|---|---|---|---|"]
    return "\n".join(head + rows)


def testing_lines(result: dict[str, Any]) -> str:
    lines = [
        f"\ntest of {result['images']} pictures, {result['case']}:\n",
        "| | pictures/s | lowest to highest | times reference | lowest to highest "
        "| CPU ms a picture |",
        "|---|---|---|---|---|---|",
    ]
    for name, (median, low, high) in result["images_per_s"].items():
        ratio, least, most = result["ratio"][name]
        lines.append(f"| {name} | {median:.1f} | {low:.1f} to {high:.1f} "
                     f"| {ratio:.2f} | {least:.2f} to {most:.2f} "
                     f"| {1000 * result['cpu_s_per_image'][name][0]:.1f} |")
    return "\n".join(lines)
