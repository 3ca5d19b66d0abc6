"""The page in a real browser: Chromium, driven by Playwright; skipped where either is missing."""

import shutil

import numpy as np
import pytest
from cli_run import TEXT
from looks import HOSTILE, made_look

from shazip.view.page import page

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


@pytest.fixture(scope="module")
def browser():
    """Return the browser."""
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield opened
        opened.close()


@pytest.fixture
def show(browser, tmp_path):
    """Return what opens the page of a look; anything that the browser complains of fails."""
    complaints = []

    def note(message):
        if message.type == "error":  # a breach of the page's policy is one, too
            complaints.append(message.text)

    def shown(look, width=1600, scheme="light"):
        (tmp_path / "page.html").write_bytes(page(look))
        tab = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
        tab.on("console", note)
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.on("dialog", lambda dialog: complaints.append(dialog.message))
        tab.on("request", lambda request: asked.append(request.url))
        asked = []
        tab.goto((tmp_path / "page.html").as_uri())
        tab.wait_for_selector("#panel > *")
        assert len(asked) == 1
        return tab

    yield shown
    assert complaints == []


def facts(tab) -> dict[str, str]:
    """Return what the panel says of the symbol."""
    names = tab.locator("#panel dt").all_inner_texts()
    return dict(zip(names, tab.locator("#panel dd").all_inner_texts(), strict=True))


def pixel(tab, x: float, y: float) -> list[int]:
    """Return the colour of the view at a place in its CSS pixels."""
    return tab.evaluate(
        """([x, y]) => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() =>
            done(Array.from(document.getElementById("view").getContext("2d")
                .getImageData(x, y, 1, 1).data)))))""",
        [x, y],
    )


def test_keys_move_from_symbol_to_symbol_and_line_to_line(show):
    tab = show(made_look(b"first\nsecond\nthird\n"))
    tab.focus("#scroller")
    found = []
    for key in ("ArrowRight", "ArrowDown", "End", "ArrowLeft", "Home", "ArrowUp", "Control+End"):
        tab.keyboard.press(key)
        found.append(int(facts(tab)["offset"]))
    assert found == [1, 7, 12, 11, 6, 0, 18]


def test_the_panel_says_what_the_trace_says(show):
    look = made_look(TEXT)
    tab = show(look)
    tab.focus("#scroller")
    tab.keyboard.press("ArrowRight")
    found = facts(tab)
    assert (found["offset"], found["bytes"]) == ("1", f"{TEXT[1]:02X}")
    bits, network = float(look.trace.bits[1]), float(look.trace.network[1])
    assert float(found["bits"]) == pytest.approx(bits, abs=0.2)
    assert float(found["network alone"]) == pytest.approx(network, abs=0.2)
    saved = float(found["mixing saved"].replace("−", "-"))
    assert saved == pytest.approx(network - bits, abs=0.3)


def test_pointing_names_the_byte_under_the_pointer(show):
    tab = show(made_look(b"abc\ndef\n"))
    box = tab.locator("#view").bounding_box()
    tab.mouse.move(box["x"] + 6 + 1.5 * 8.43, box["y"] + 30)
    assert facts(tab)["bytes"] == "65"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1600])
def test_costly_bytes_are_darker_on_light_paper_and_lighter_on_dark(show, width, scheme):
    look = made_look(b" " * 12)
    look.trace.bits[:] = [0] * 4 + [1] * 4 + [12] * 4
    tab = show(look, width, scheme)
    free, cheap, costly = (sum(pixel(tab, 6 + cell * 8.43, 4)[:3]) for cell in (3, 6, 10))
    assert free > cheap > costly if scheme == "light" else free < cheap < costly
    assert tab.evaluate("document.documentElement.scrollWidth") <= width


def test_hostile_names_and_contents_are_shown_and_never_run(show):
    tab = show(made_look(HOSTILE.encode() + b"\n" + HOSTILE.encode(), name=HOSTILE))
    assert tab.inner_text("#name") == HOSTILE.replace("\u202e", "⟨U+202E⟩")
    assert tab.locator("img").count() == 0
    assert tab.locator("script").count() == 2
    tab.focus("#scroller")
    for _ in range(len(HOSTILE)):
        tab.keyboard.press("ArrowRight")


def test_binary_data_opens_as_hex_and_text_as_text(show):
    for data, pressed in ((bytes(range(256)) * 8, "as-hex"), ("Grüße\n".encode() * 9, "as-text")):
        tab = show(made_look(data))
        assert tab.get_attribute(f"#{pressed}", "aria-pressed") == "true"


def test_a_megabyte_is_laid_out_at_once_and_the_strip_scrolls_to_a_click(show):
    text = b"".join(b"line %07d of the file\n" % i for i in range(40_000))
    look = made_look(text)
    look.trace.likeliest[:] = look.trace.likeliest_bits[:] = look.trace.bits[:] = 0
    tab = show(look)
    box = tab.locator("#strip").bounding_box()
    tab.mouse.click(box["x"] + 20, box["y"] + box["height"] / 2)
    offset = int(facts(tab)["offset"].replace(",", ""))
    assert offset == pytest.approx(len(text) / 2, rel=0.01)
    row = tab.evaluate("document.getElementById('scroller').scrollTop") / 20
    assert row == pytest.approx(20_000, rel=0.01)


def test_a_summarys_line_leads_to_its_place(show):
    text = b"line\n" * 3000 + b"costly\n" + b"line\n" * 3000
    look = made_look(text)
    look.trace.bits[:] = 0.01
    look.trace.bits[15_000:15_006] = 9
    tab = show(look)
    tab.locator("#summaries button", has_text="costly").first.click()
    assert facts(tab)["offset"] == "15,000"


def test_printing_shows_the_rows_in_sight(show):
    tab = show(made_look(TEXT), scheme="dark")
    tab.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert tab.locator("#print canvas").count() == 1
    assert tab.evaluate("document.querySelector('#print canvas').height") > 0
    tab.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert tab.locator("#print canvas").count() == 0


def test_symbols_of_several_bytes_are_one_to_the_keys_and_the_panel(show):
    look = made_look(b"the other")
    trace = look.trace
    starts = np.array([0, 3, 4])
    strings = tuple(sorted({*trace.strings, b"the", b"other"}))
    likeliest = np.array([[strings.index(b"the")] * 5] * 3, np.uint16)
    symbols = type(trace)(
        strings, trace.bits, trace.network, starts, likeliest, trace.likeliest_bits[:3]
    )
    tab = show(type(look)(**{**vars(look), "trace": symbols}))
    assert tab.inner_text("#panel .symbol") == "“the”"
    assert float(facts(tab)["bits"]) == pytest.approx(trace.bits[:3].sum(), abs=0.6)
    assert tab.locator("#panel td.bytes").first.inner_text() == "“the” ✓"
    tab.focus("#scroller")
    tab.keyboard.press("ArrowRight")
    tab.keyboard.press("ArrowRight")
    assert tab.inner_text("#panel .symbol") == "“other”"
