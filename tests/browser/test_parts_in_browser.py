"""Every part of the panels, in JupyterLab, in a real browser."""

from lab_page import LabPage, Open
from playwright.sync_api import expect

GALLERY = "from gallery import gallery\ngallery()"
CURVE = "document.querySelector('.wb-figure .js-plotly-plot')?.data?.[0]?.y?.length ?? 0"
PICTURES = ".wb-ct-stage canvas, .wb-card canvas"
INK = (
    f"() => [...document.querySelectorAll('{PICTURES}')]"
    + """.map(canvas => {
  const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  let sum = 0;
  for (let at = 0; at < pixels.length; at += 4) sum += pixels[at];
  return Math.round(sum / (pixels.length / 4));
})"""
)


def started(lab: LabPage) -> LabPage:
    lab.run_all()
    lab.page.wait_for_selector(".wb-figure .main-svg", timeout=60_000)
    return lab


def press(lab: LabPage, name: str) -> None:
    lab.page.get_by_role("button", name=name, exact=True).click()


def test_pictures_and_curves_arrive_and_survive_a_reload(open_cells: Open) -> None:
    lab = started(open_cells(GALLERY, name="gallery"))
    page = lab.page
    lab.shot("gallery-idle")
    press(lab, "Start")
    lab.text_is(".wb-run-status", "Running")
    captions = set()
    while len(captions) <= 5:
        caption = page.locator(".wb-ct-caption").first
        expect(caption).not_to_have_text(next(iter(captions), "-"), timeout=10_000)
        captions.add(caption.text_content())
    lab.shot("gallery-running")
    lab.text_is(".wb-run-status", "Finished")
    page.wait_for_function(f"({CURVE}) === 60")
    page.get_by_role("slider", name="Divider").press("Home")
    lab.shot("gallery-finished")
    ink = page.evaluate(INK)
    lab.save()

    lab.reload()
    page.wait_for_function(f"({CURVE}) === 60", timeout=60_000)
    lab.text_is(".wb-run-status", "Finished")
    expect(page.locator(".wb-ct-frame")).to_have_count(12)
    expect(page.get_by_role("slider", name="Divider")).to_have_attribute("aria-valuenow", "0")
    expect(page.locator(".wb-statement-text")).to_contain_text("-DP per patient")
    page.wait_for_function(
        f"expected => String(({INK})()) === expected", arg=str(ink)[1:-1].replace(" ", "")
    )
    lab.shot("gallery-reloaded")


def test_a_run_is_paused_stopped_and_shown_again_by_running_the_cell_again(
    open_cells: Open,
) -> None:
    lab = started(open_cells(GALLERY, name="stopping"))
    page = lab.page
    page.get_by_role("button", name="More").click()
    page.get_by_label("Steps", exact=True).fill("400")
    page.keyboard.press("Enter")
    press(lab, "Start")
    lab.text_is(".wb-run-status", "Running")
    page.wait_for_function(f"({CURVE}) > 5")
    press(lab, "Pause")
    lab.text_is(".wb-run-status", "Paused")
    lab.run_all()
    lab.text_is(".wb-run-status", "Paused")
    page.wait_for_function(f"({CURVE}) > 5")
    press(lab, "Continue")
    lab.text_is(".wb-run-status", "Running")
    press(lab, "Stop")
    lab.text_is(".wb-run-status", "Stopped", timeout=1000)
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_disabled()


def test_what_is_wrong_stands_where_it_belongs(open_cells: Open) -> None:
    lab = started(open_cells(GALLERY, name="errors", single=False))
    page = lab.page
    page.get_by_role("button", name="More").click()
    page.get_by_label("Own data").fill("/nowhere/slices.nii")
    page.keyboard.press("Enter")
    lab.text_is(".wb-field-error:text('slices.nii')",
                "/nowhere/slices.nii is no npz file; name one, or leave it empty.")  # fmt: skip
    epsilon = page.get_by_label("Target epsilon", exact=True)
    epsilon.fill("99")
    epsilon.press("Enter")
    lab.text_is(".wb-field-error:text('epsilon')", "Target epsilon must lie between 0.1 and 50.")
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_disabled()
    assert lab.violations(".wb-frame") == []
    lab.shot("errors")
    epsilon.fill("3")
    epsilon.press("Enter")
    page.get_by_label("Own data").fill("")
    page.keyboard.press("Enter")
    page.get_by_label("Fail half-way").check()
    press(lab, "Start")
    lab.text_is(".wb-run-status", "Stopped by an error")
    expect(page.locator(".wb-run-message")).to_have_text(
        "The gallery was asked to fail, so it did."
    )
    expect(page.get_by_role("alert").filter(has_text="asked to fail")).to_be_visible()
    lab.shot("failed")


def test_keys_reach_the_parts_and_not_the_notebook(open_cells: Open) -> None:
    lab = started(open_cells(GALLERY, name="keys"))
    page = lab.page
    press(lab, "Start")
    lab.text_is(".wb-run-status", "Finished")
    press(lab, "Adjust")
    cells = page.locator(".jp-Cell").count()
    epsilon = page.get_by_label("Target epsilon, slider")
    divider = page.get_by_role("slider", name="Divider")
    film = page.get_by_role("listbox", name="film strip")
    start = page.get_by_role("button", name="Start", exact=True)
    more = page.get_by_role("button", name="More")
    data = page.get_by_label("Data", exact=True)
    outline = page.get_by_label("outline of the truth")
    for target in (divider, film, start, more, data, outline, epsilon):
        target.focus()
        for key in ("b", "a", "d", "d"):
            page.keyboard.press(key)
    assert page.locator(".jp-Cell").count() == cells
    before = int(divider.get_attribute("aria-valuenow") or 0)
    divider.press("ArrowRight")
    expect(divider).to_have_attribute("aria-valuenow", str(before + 2))
    film.press("End")
    expect(page.locator(".wb-ct-frame").last).to_have_attribute("aria-selected", "true")
    film.press("Escape")
    expect(page.locator(".wb-ct-frame[aria-selected=true]")).to_have_count(0)
    for key in ("ArrowLeft", "ArrowRight", "ArrowRight", "ArrowUp", "ArrowDown"):
        said = epsilon.get_attribute("aria-valuetext")
        epsilon.press(key)
        expect(epsilon).not_to_have_attribute("aria-valuetext", said or "")


def test_windows_and_overlays_are_drawn_while_the_kernel_is_busy(open_cells: Open) -> None:
    lab = started(open_cells(GALLERY, name="windows"))
    page = lab.page
    press(lab, "Start")
    lab.text_is(".wb-run-status", "Finished")
    press(lab, "Adjust")
    tools = page.locator(".wb-ct-tools")
    lab.busy(20)
    for label, choice in (("Window", "soft tissue"), ("Window", "liver"), ("Overlay", "none")):
        ink = page.evaluate(INK)[0]
        tools.get_by_label(label, exact=True).select_option(choice)
        page.wait_for_function(f"ink => ({INK})()[0] !== ink", arg=ink, timeout=5000)
    tools.get_by_label("Overlay", exact=True).select_option("attribution")
    expect(page.locator(".wb-key").first).to_be_visible()
    lab.shot("adjusting")


def test_both_themes_are_readable_and_nothing_can_be_uploaded(open_cells: Open) -> None:
    lab = started(open_cells(GALLERY, name="themes"))
    press(lab, "Start")
    lab.text_is(".wb-run-status", "Finished")
    press(lab, "Adjust")
    for theme in ("Light", "Dark"):
        lab.theme(theme)
        expect(lab.page.locator(".wb-frame")).to_be_visible()
        assert lab.violations(".wb-frame") == []
        assert min(lab.page.evaluate(INK)[:-1]) > 5, "a picture went black"
        lab.shot(f"theme-{theme.lower()}")
    lab.page.locator(".wb-figure").hover()
    titles = lab.page.eval_on_selector_all(
        ".modebar-btn", "buttons => buttons.map(one => one.dataset.title ?? one.dataset.attr)"
    )
    assert titles
    assert not [title for title in titles if "share" in title.lower() or "cloud" in title.lower()]
