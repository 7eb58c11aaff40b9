import os

import pytest

from alexprep.doctor import (
    BROKEN,
    NOTE,
    OK,
    SLOW,
    check_cores,
    check_disk,
    check_pillow,
    check_resizing,
    examine,
    measure_resizing,
    read_quota,
)


def test_everything_is_looked_at_and_nothing_is_left_behind(tmp_path):
    checks = {check.name: check for check in examine(tmp_path)}
    assert list(checks) == [
        "Python", "Pillow", "resizing", "libjpeg", "WebP", "simplejpeg", "cores", "memory", "disk",
    ]  # fmt: skip
    assert all(check.found for check in checks.values())
    assert all(check.advice for check in checks.values() if check.verdict in (SLOW, BROKEN))
    assert str(len(os.sched_getaffinity(0))) in checks["cores"].found
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("version", "pillow", "simd", "found"),
    [
        ("12.1.1.post0", None, "12.1.1.post0", "pillow-simd 12.1.1.post0"),
        ("13.0.0", "13.0.0", None, "pillow 13.0.0"),
        ("9.9", None, None, "9.9, of unknown package"),
    ],
)
def test_one_pillow_is_fine(version, pillow, simd, found):
    check = check_pillow(version, pillow, simd)
    assert (check.found, check.verdict) == (found, OK)


@pytest.mark.parametrize(
    ("version", "pillow", "simd"),
    [
        ("13.0.0", "13.0.0", "12.1.1.post0"),  # pillow was written over pillow-simd
        ("12.1.1.post0", "13.0.0", "12.1.1.post0"),
        ("13.0.0", None, "12.1.1.post0"),  # one was removed, its files were not
    ],
)
def test_two_pillows_in_one_folder_are_broken_and_the_remedy_is_named(version, pillow, simd):
    check = check_pillow(version, pillow, simd)
    assert check.verdict == BROKEN
    assert "pip uninstall -y pillow pillow-simd" in check.advice


# the ratios measured with Pillow 13.0.0, with pillow-simd 12.1.1 in SSE4 and in AVX2
@pytest.mark.parametrize(("ratio", "verdict"), [(3.15, SLOW), (0.6, OK), (0.46, OK)])
def test_simd_is_told_by_speed(ratio, verdict):
    check = check_resizing(1000.0, ratio)
    assert check.verdict == verdict
    assert "1,000 images/s" in check.found
    assert ("pillow-simd" in check.advice) == (verdict == SLOW)


def test_speed_and_version_agree_about_simd():
    import PIL

    rate, ratio = measure_resizing()
    assert rate > 50
    assert (ratio < 1.2) == (".post" in PIL.__version__)


@pytest.mark.parametrize(
    ("text", "cores"), [("max 100000", None), ("150000 100000", 1.5), ("nonsense", None)]
)
def test_the_quota_of_a_container_is_read(tmp_path, text, cores):
    path = tmp_path / "cpu.max"
    path.write_text(text)
    assert read_quota(path) == cores
    assert read_quota(tmp_path / "missing") is None


def test_a_quota_below_the_cores_is_noted_with_the_jobs_to_use():
    assert check_cores(8, 8, None).verdict == OK
    assert check_cores(8, 8, 8.0).verdict == OK
    check = check_cores(8, 16, 2.0)
    assert check.verdict == NOTE
    assert check.found == "8 usable of 16"
    assert check.advice.endswith("use --jobs 2")


def test_the_disk_is_judged_by_what_imagenet_needs(tmp_path):
    assert check_disk(tmp_path, 41_000_000_000, writable=True).verdict == OK
    small = check_disk(tmp_path, 39_000_000_000, writable=True)
    assert (small.verdict, "40 GB" in small.advice) == (NOTE, True)
    assert check_disk(tmp_path, 10**12, writable=False).verdict == BROKEN
