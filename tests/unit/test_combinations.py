"""What does not go together is refused when the configuration is read, before anything is trained."""

from __future__ import annotations

import pytest

from dfpt.config import resolve
from dfpt.errors import UsageError

MIXED = ["augmentation.mixup=1", "distillation.teacher_cache=false"]


@pytest.mark.parametrize("profile", ["demo", "smoke"])
def test_the_whole_path_is_refused_where_the_last_stage_alone_is_prompted(profile: str) -> None:
    with pytest.raises(UsageError, match="behind the last one there is none"):
        resolve(None, profile, ["distillation.method=dfpt-kd+"], environment={})
    whole = ["distillation.method=dfpt-kd+", "prompt.stages=[-2,-1]"]
    assert resolve(None, profile, whole, environment={}).distillation.method == "dfpt-kd+"


@pytest.mark.parametrize(
    ("assignments", "message"),
    [
        (["student.model=resnt20"], "'resnt20' is not valid: no such model: did you mean 'resnet20'?\n"),
        (["teacher.model=hub:resnet18"], "teacher.model = 'hub:resnet18'"),
        (["teacher.model=tim:resnet18"], "teacher.model = 'tim:resnet18'"),
        (["teacher.model=inception"], "there are resnet8, resnet14"),
        (["student.image_size=7"], "student.image_size = 7"),
        (["distillation.method=takd", "distillation.options.assistant=tiny_50k"], "assistant = 'tiny_50k'"),
        (["distillation.method=takd", "distillation.options.pretrained=true"], "no weights are packaged for tiny_500k"),
    ],
)
def test_a_network_that_does_not_exist_is_refused_before_any_step(assignments: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolve(None, assignments=assignments, environment={})
    assert message in str(caught.value)


@pytest.mark.parametrize("name", ["timm:resnet18", "torchvision:resnet18"])
def test_another_librarys_network_is_left_to_the_library(name: str) -> None:
    assert resolve(None, assignments=[f"teacher.model={name}"], environment={}).teacher.model == name


def test_an_option_of_a_method_without_a_value_is_refused() -> None:
    """``{beta:1}`` is YAML for a key "beta:1" without a value, which no pipeline parameter can hold."""
    with pytest.raises(UsageError, match=r"distillation\.options\.beta:1"):
        resolve(None, assignments=["distillation.options={beta:1}"], environment={})
    given = ["distillation.method=dkd", "distillation.options={beta: 2, warm_up: 0.5}"]
    found = resolve(None, assignments=given, environment={})
    assert found.distillation.options == {"beta": 2, "warm_up": 0.5}


@pytest.mark.parametrize(
    ("assignments", "words"),
    [
        (
            ["distillation.method=kd", "distillation.options.beta=1"],
            "'beta' in the options of kd.*are label, knowledge",
        ),
        (
            ["distillation.method=kd", "distillation.options.temperature=0"],
            "the options of kd: temperature = 0 .*greater than 0",
        ),
        (["distillation.options.temperature=1"], "dfpt-kd takes no options"),
        (["distillation.method=eskd"], "set teacher.recipe.stop_after"),
        (["teacher.recipe.stop_after=0"], "teacher.recipe.stop_after"),
        (["augmentation.flip=true"], "set distillation.teacher_cache=false and distillation.adapt=joint, or"),
        (["augmentation.cutmix=1", "distillation.method=kd"], "set distillation.teacher_cache=false, or"),
        (
            [*MIXED, "distillation.method=dkd"],
            "has no label of its own",
        ),
        (
            [*MIXED, "distillation.adapt=joint", "prompt.divergence=dkd"],
            "has no label of its own",
        ),
        (
            ["prompt.stages=[0,7]"],
            r"\[0, 7\], and the teacher efficientnet_lite0 has 7 stages: give numbers from -7 to 6",
        ),
        (["prompt.stages=[]"], "prompt.stages"),
        (["prompt.stages=[6]", "distillation.method=dfpt-kd+"], "behind the last one there is none"),
        (["prompt.stages=[-1]", "prompt.statistics=own"], "prompt.statistics own is of the stages behind the first"),
        (["student.model=tiny_60k"], "no weights are packaged for tiny_60k: set pretrained=false"),
        (["teacher.model=resnet20"], "no weights are packaged for resnet20: set pretrained=false"),
        (["student.frozen_stages=1", "student.pretrained=false"], "set pretrained=true"),
        (
            [
                "student.frozen_stages=1",
                "student.pretrained=true",
                "augmentation.noise=0.1",
            ],
            "set student.frozen_stages=0",
        ),
        (["teacher.frozen_stages=8"], "teacher.frozen_stages is 8, and efficientnet_lite0 has 7 stages"),
        (
            ["student.frozen_stages=3", "augmentation.noise=0"],
            "student.frozen_stages is 3, and efficientnet_lite0_s3 has 3 stages",
        ),
        (
            ["distillation.method=fitnet", "distillation.options.stage=3"],
            "options.stage is 3, and of efficientnet_lite0_s3's 3 stages those from 0 to 2 are trained",
        ),
        (
            [
                "distillation.method=fitnet",
                "distillation.options.stage=-3",
                "student.frozen_stages=1",
                "augmentation.noise=0",
            ],
            "options.stage is -3, and of efficientnet_lite0_s3's 3 stages those from 1 to 2 are trained",
        ),
        (["student.recipe.batch_size=1"], "student.recipe.batch_size"),
        (["student.recipe.ema=1"], "student.recipe.ema"),
        (["student.recipe.schedule=linear"], "student.recipe.schedule"),
    ],
)
def test_what_a_method_does_not_take_is_refused_before_anything_is_trained(assignments: list[str], words: str) -> None:
    with pytest.raises(UsageError, match=f"(?s){words}"):
        resolve(None, assignments=assignments, environment={})
