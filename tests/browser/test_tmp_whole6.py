from test_train_in_browser import press
from playwright.sync_api import expect
def test_whole(open_cells, discs):
    lab = open_cells(f"from workbench.panels.train import TrainPanel\nTrainPanel(data={discs!r}, unit='slice', image_size=None, sample_rate=0.3, delta=1e-3, steps=40)", name="whole")
    lab.run_all()
    lab.page.wait_for_selector(".wb-figure .main-svg", timeout=120000)
    for _ in range(2):
        lab.page.locator(".wb-run-buttons button").first.click()
        lab.page.wait_for_timeout(2500)
        lab.text_is(".wb-run-status", "Finished", timeout=200000)
    lab.page.wait_for_timeout(3000)
    lab.shot("train-whole")
