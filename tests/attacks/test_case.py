from pathlib import Path

import numpy as np
import pytest
from attack_cases import picture
from PIL import Image
from torch import Tensor, nn

from workbench.attacks.case import BRIGHT, Case, make_case, slices_of
from workbench.attacks.config import AttackConfig
from workbench.attacks.scoring.baselines import baselines
from workbench.errors import BadInput
from workbench.imaging.sliceset import SliceSet

HERE = __name__


def case_of(config: AttackConfig) -> Case:
    loading = slices_of(config)
    while True:
        try:
            next(loading)
        except StopIteration as end:
            return make_case(config, end.value)


def with_dropout(*, size: int, classes: int, task: str) -> nn.Module:
    return nn.Sequential(nn.Dropout(0.5), nn.Flatten(), nn.Linear(size * size, classes))


def with_batchnorm(*, size: int, classes: int, task: str) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ELU(), nn.Flatten(),
        nn.Linear(8 * (size - 2) ** 2, classes),
    )  # fmt: skip


class _Round(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.round()


def that_rounds(*, size: int, classes: int, task: str) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(size * size, 8), _Round(), nn.Linear(8, classes))


def for_28_pixels(*, size: int, classes: int, task: str) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(28 * 28, classes))


@pytest.fixture
def npz(tmp_path: Path) -> Path:
    path = tmp_path / "slices.npz"
    images = np.stack([picture(32, seed) for seed in range(3)])
    images[2] = 0.5
    masks = (images > 0.6).astype(np.uint8)
    masks[2, :4, :4] = 1
    np.savez(path, images=images, masks=masks, patient=np.array([0, 1, 2]))
    return path


def refused(**settings: object) -> BadInput:
    with pytest.raises(BadInput) as error:
        case_of(AttackConfig(**settings))
    assert "\n" not in error.value.message
    return error.value


def test_a_lone_ct_gets_a_thresholded_mask() -> None:
    case = case_of(AttackConfig(image="CT_small"))
    assert case.mask == "thresholded"
    assert case.task == "segmentation"
    np.testing.assert_array_equal(case.shown_mask, case.truth > BRIGHT)
    assert 0.1 < case.shown_mask.mean() < 0.25


def test_a_file_with_masks_keeps_them(npz: Path) -> None:
    case = case_of(AttackConfig(image=str(npz), size=32, index=1))
    assert case.mask == "known from file"
    np.testing.assert_array_equal(case.shown_mask[0], picture(32, 1) > 0.6)


def test_a_classifier_on_slices_without_labels_gets_label_0_of_2() -> None:
    case = case_of(AttackConfig(image="CT_small", model="cnn"))
    assert case.task == "classification"
    assert case.targets.tolist() == [0]
    assert case.mask == "none"


def test_a_png_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "slice.png"
    Image.fromarray((picture(64) * 255).astype(np.uint8)).save(path)
    case = case_of(AttackConfig(image=str(path)))
    assert case.truth.shape == (1, 64, 64)
    assert case.mask == "thresholded"


def test_a_size_that_the_network_cannot_take_is_refused() -> None:
    error = refused(size=40)
    assert error.field == "size"
    assert "multiple of 16" in error.message
    error = refused(model=f"{HERE}:for_28_pixels", size=32)
    assert error.field == "size"
    assert "32 x 32" in error.message


def test_a_constant_slice_is_refused(npz: Path) -> None:
    error = refused(image=str(npz), size=32, index=2)
    assert error.field == "index"
    assert "one grey value" in error.message


def test_pixels_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    images = np.stack([picture(32), picture(32, 1)])
    images[0, 3, 3] = np.nan
    path = tmp_path / "nan.npz"
    np.savez(path, images=images, masks=np.ones((2, 32, 32), np.uint8), patient=np.arange(2))
    error = refused(image=str(path), size=32)
    assert "NaN" in error.message
    assert error.field == "image"


def test_more_slices_than_there_are_are_refused(npz: Path) -> None:
    error = refused(image="CT_small", batch=2)
    assert error.field == "batch"
    assert "has 1 slice" in error.message
    assert refused(image=str(npz), size=32, index=3).field == "index"


def test_each_sites_slices_follow_those_of_the_one_before(npz: Path) -> None:
    case = case_of(AttackConfig(image=str(npz), size=32, sites=2))
    assert case.chosen.tolist() == [0, 1]
    error = refused(image=str(npz), size=32, sites=4)
    assert error.field == "sites"
    assert "4 from number 0 on are asked for" in error.message
    assert refused(image=str(npz), size=32, sites=2, batch=4).field == "batch"


def test_the_network_is_the_variant_that_the_config_names(npz: Path) -> None:
    case = case_of(
        AttackConfig(image=str(npz), size=32, activation="silu", normalisation="instance")
    )
    kinds = {type(layer) for layer in case.network.modules()}
    assert {nn.SiLU, nn.InstanceNorm2d} <= kinds
    assert not {nn.ELU, nn.GroupNorm} & kinds
    error = refused(image=str(npz), size=32, model="mlp", normalisation="none")
    assert error.field == "normalisation"


def test_an_instance_norm_of_one_pixel_is_refused_as_a_size() -> None:
    assert refused(size=16, normalisation="instance").field == "size"


def test_a_network_that_no_search_can_attack_is_refused_but_may_be_read_off() -> None:
    settings = {"model": f"{HERE}:that_rounds", "task": "classification", "size": 16}
    error = refused(**settings)
    assert error.field == "model"
    assert "_Round" in error.message
    case_of(AttackConfig(**settings, attack="analytic"))


def test_an_attack_that_the_threat_model_does_not_allow_is_refused() -> None:
    assert refused(attack="imprint").field == "server"


def test_a_missing_file_is_blamed_on_the_image() -> None:
    assert refused(image="/no/such/file.dcm").field == "image"


def test_dropout_is_refused() -> None:
    error = refused(model=f"{HERE}:with_dropout", task="classification", size=16)
    assert error.field == "model"
    assert "Dropout" in error.message


def test_batchnorm_is_replaced_or_refused() -> None:
    settings = {"model": f"{HERE}:with_batchnorm", "task": "classification", "size": 16}
    assert "BatchNorm2d" in refused(**settings, surgery=False).message
    case = case_of(AttackConfig(**settings))
    assert "GroupNorm" in case.surgery[0]


def test_the_mean_image_never_holds_the_attacked_patient() -> None:
    images = np.zeros((4, 1, 16, 16), np.float32)
    images[:2, 0, :8] = 1
    images[2:, 0, 8:] = 0.5
    slices = SliceSet(name="set", images=images, patients=np.array(["a", "a", "b", "c"]))
    mean, flat = baselines(slices, np.array([0]))
    np.testing.assert_allclose(mean.picture, images[2, 0])
    assert "2 other patients" in mean.made_of
    np.testing.assert_allclose(flat.picture, 0.5)


def test_a_lone_patient_is_compared_with_phantoms() -> None:
    slices = SliceSet(
        name="one", images=picture(32)[None, None], patients=np.array(["a"]), masks=None
    )
    mean, _ = baselines(slices, np.array([0]))
    assert "phantoms" in mean.made_of
    assert mean.picture.shape == (32, 32)
