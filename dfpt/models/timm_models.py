"""``timm:NAME``: the features of any of timm's convolutional networks, with our head (the extra ``timm``)."""

from __future__ import annotations

from functools import partial
from statistics import fmean
from typing import Any

from torch import nn

from dfpt.errors import StepFailed, UsageError
from dfpt.models import chain
from dfpt.models.backbone import Backbone, pooled_linear


def create(name: str, num_classes: int, in_channels: int, pretrained: bool) -> Backbone:
    """The network that timm calls ``name``: its features, then pooling and a linear layer.

    Args:
        pretrained: with the weights that timm downloads for it.

    Raises:
        UsageError: timm is not installed, knows no such network or no weights for it, or it is no chain of stages.
        StepFailed: its weights cannot be had.
    """
    try:
        import timm
    except ImportError as error:
        raise UsageError(f"timm:{name} needs timm: {error}.", "Run pip install 'dfpt[timm]'.") from error
    if not timm.is_model(name):
        near = timm.list_models(f"*{name[:6]}*")[:5]
        raise UsageError(f"timm knows no model {name!r}.", f"Perhaps one of {', '.join(near)}." if near else "")
    if pretrained and not timm.get_pretrained_cfg(name).has_weights:
        raise UsageError(f"timm has no weights for {name!r}.", "Set pretrained=false.")
    make = partial(timm.create_model, name, features_only=True, in_chans=in_channels)
    try:
        network = make(pretrained=pretrained)
    except (RuntimeError, AttributeError, TypeError) as error:  # how timm says that it gives no features
        raise UsageError(f"timm:{name} gives no features: {error}", "Choose a convolutional network.") from error
    except Exception as error:  # whatever a download raises
        raise StepFailed(
            f"The weights of timm:{name} cannot be had: {error}", "Set teacher.pretrained=false."
        ) from error
    network.eval()
    parts = _parts(network)
    return chain.backbone(
        f"timm:{name}", parts, in_channels, lambda width: pooled_linear(width, num_classes), lambda x: network(x)[-1]
    )


def normalisation(name: str) -> tuple[float, float]:
    """Mean and standard deviation, over the colours, of pixels on [0, 1] that timm's weights were trained on."""
    import timm

    trained = timm.get_pretrained_cfg(name)
    return fmean(trained.mean), fmean(trained.std)


def _parts(network: Any) -> list[nn.Module]:
    if isinstance(network, nn.ModuleDict):  # timm's FeatureListNet: called one after the other
        return list(network.values())
    if hasattr(network, "conv_stem") and hasattr(network, "blocks"):  # EfficientNet and MobileNet
        activation = [network.act1] if hasattr(network, "act1") else []
        return [network.conv_stem, network.bn1, *activation, *network.blocks]
    return [network]  # which is refused: it has no stages
