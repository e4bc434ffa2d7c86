"""The critic of mels learns to tell a blurred mel from a real one, and its terms pull the right way."""

import torch

from dubctl.training.critic import Critique, Pair, window_pair


def real_and_blurred(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Mels (6, 64, 80) with texture, and the same smoothed over time and band."""
    torch.manual_seed(seed)
    real = torch.randn(6, 64, 80) * 1.5 - 5
    blurred = torch.nn.functional.avg_pool2d(real[:, None], 5, 1, 2, count_include_pad=False)[:, 0]
    return real, blurred


OWN = torch.ones(6, dtype=torch.bool)


def test_it_learns_to_tell_and_then_asks_for_texture():
    torch.manual_seed(0)
    critique = Critique(2e-3, torch.device("cpu"))
    losses = []
    for step in range(40):
        real, blurred = real_and_blurred(step)
        critique.terms(Pair(blurred, real, OWN))
        losses.append(critique.learn())
    assert losses[-1] < 0.35 < 0.8 < losses[0]
    real, blurred = real_and_blurred(99)
    moved = blurred.clone().requires_grad_(True)
    for _ in range(20):
        gradient, = torch.autograd.grad(critique.terms(Pair(moved, real, OWN))["adversarial"], moved)
        moved = (moved - 0.05 * gradient / gradient.abs().mean()).detach().requires_grad_(True)
    def texture(mel: torch.Tensor) -> float:
        return float(mel.detach().diff(dim=2).std())
    assert texture(moved) > 1.2 * texture(blurred)
    same, other = (float(critique.terms(Pair(mel, real, OWN))["match"].detach()) for mel in (real, blurred))
    assert same == 0 < other


def test_nothing_is_learnt_without_a_look_and_strangers_do_not_match():
    critique = Critique(1e-3, torch.device("cpu"))
    before = {n: v.clone() for n, v in critique.network.state_dict().items()}
    assert critique.learn() == 0.0
    assert all(torch.equal(v, before[n]) for n, v in critique.network.state_dict().items())
    real, blurred = real_and_blurred(1)
    assert "match" not in critique.terms(Pair(blurred, real, ~OWN))


def test_windows_lie_at_the_same_place_inside_every_line():
    torch.manual_seed(3)
    frames = torch.tensor([40, 150, 300])
    mel = torch.arange(300.0)[None, :, None].expand(3, -1, 80)
    for _ in range(20):
        pair = window_pair(mel, mel + 1000, frames, OWN[:3])
        assert pair.made.shape == (3, 40, 80) and torch.equal(pair.real, pair.made + 1000)
        assert bool((pair.made[:, -1, 0] < frames).all())
    assert window_pair(mel[1:], mel[1:], frames[1:], OWN[:2]).made.shape[1] == 128
