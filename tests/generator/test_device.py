"""The device of a process's generators."""

import pytest
import torch

from generator import device
from generator.masked import weights


def test_only_devices_that_torch_has_can_be_used(monkeypatch):
    with pytest.raises(device.NoDevice, match="no device 'cuda:9'; torch has cpu"):
        device.use_device("cuda:9")
    assert device.device_in_use() == torch.device("cpu") == device.use_device("cpu")


def test_a_network_moves_to_the_device_in_use(monkeypatch):
    assert weights.load_generator("nasbench201").denoiser.sizes.device.type == "cpu"
    moved = []
    monkeypatch.setattr(torch.nn.Module, "to", lambda self, where: moved.append(where))
    monkeypatch.setattr(device, "_in_use", torch.device("cuda:0"))
    weights.load_generator("nasbench201")
    assert moved == [torch.device("cuda:0")]
