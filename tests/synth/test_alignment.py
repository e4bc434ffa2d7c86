"""Learned alignment: the prior, the search and the expansion agree with brute force."""

import itertools

import numpy as np
import torch

from dubctl.synth.alignment import (
    AlignmentEncoder,
    beta_binomial_prior,
    binarisation_loss,
    expand_index,
    forward_sum_loss,
    monotonic_search,
)


def test_prior_rows_are_distributions_that_run_along_the_diagonal():
    prior = beta_binomial_prior(torch.tensor([40]), torch.tensor([10]), 40, 10)[0]
    assert torch.allclose(prior.sum(1), torch.ones(40), atol=2e-2)
    centres = (prior * torch.arange(10)).sum(1)
    assert centres[0] < 1 and centres[-1] > 8 and bool((centres.diff() > 0).all())


def test_a_prior_is_the_same_beside_longer_items_and_nothing_outside_its_own():
    alone = beta_binomial_prior(torch.tensor([30]), torch.tensor([7]), 30, 7)[0]
    beside = beta_binomial_prior(torch.tensor([30, 400]), torch.tensor([7, 90]), 400, 90)
    assert torch.allclose(beside[0, :30, :7], alone) and float(beside[0, 30:].sum() + beside[0, :, 7:].sum()) == 0
    # BetaBinomial(1, t, T - t + 1) has the mean t / (T + 1)
    assert torch.allclose(beta_binomial_prior(torch.tensor([9]), torch.tensor([2]), 9, 2)[0, :, 1],
                          torch.arange(1, 10) / 10)


def test_search_finds_the_best_path():
    rng = np.random.default_rng(0)
    frames, tokens = 8, 4
    score = torch.from_numpy(rng.normal(size=(1, frames, tokens)).astype(np.float32))
    best = max((cuts for cuts in itertools.combinations(range(1, frames), tokens - 1)),
               key=lambda cuts: sum(float(score[0, t, sum(c <= t for c in cuts)]) for t in range(frames)))
    expected = np.diff([0, *best, frames])
    found = monotonic_search(score, torch.tensor([tokens]), torch.tensor([frames]))[0]
    assert found.tolist() == expected.tolist()


def test_search_of_an_item_does_not_depend_on_its_padding():
    torch.manual_seed(0)
    score = torch.randn(1, 9, 4)
    padded = torch.full((2, 14, 7), -1e4)
    padded[0, :9, :4] = score[0]
    padded[1] = torch.randn(14, 7)
    alone = monotonic_search(score, torch.tensor([4]), torch.tensor([9]))[0]
    together = monotonic_search(padded, torch.tensor([4, 7]), torch.tensor([9, 14]))[0]
    assert together[:4].tolist() == alone.tolist() and together[4:].sum() == 0


def test_expansion_repeats_each_token_for_its_duration():
    index = expand_index(torch.tensor([[2, 1, 3]]), 7)
    assert index.tolist() == [[0, 0, 1, 2, 2, 2, 2]]


def test_losses_fall_when_the_alignment_is_right():
    frames, tokens = torch.tensor([6]), torch.tensor([3])
    right = torch.full((1, 6, 3), -8.0)
    for t, n in enumerate([0, 0, 1, 1, 2, 2]):
        right[0, t, n] = 0.0
    wrong = right.flip(1)
    assert forward_sum_loss(right, tokens, frames) < forward_sum_loss(wrong, tokens, frames)
    path = torch.tensor([[2, 2, 2]])
    assert binarisation_loss(right.softmax(-1), path, frames) < binarisation_loss(wrong.softmax(-1), path, frames)


def test_alignment_learns_a_toy_language():
    """Eight sounds with a spectrum each, in lines of random order and length: the borders come within a frame."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    codes, letters = torch.randn(8, 80) * 4, torch.randn(8, 16)
    lines = torch.from_numpy(np.stack([rng.permutation(8)[:6] for _ in range(16)]))
    durations = torch.from_numpy(rng.integers(2, 8, (16, 6)))
    frames, tokens = durations.sum(1), torch.full((16,), 6)
    total = int(frames.max())
    mel_mask = torch.arange(total)[None] < frames[:, None]
    mel = codes[lines.gather(1, expand_index(durations, total))] + torch.randn(16, total, 80) * 0.2
    prior = beta_binomial_prior(frames, tokens, total, 6)
    net, mask = AlignmentEncoder(16, 16), torch.ones(16, 6, dtype=torch.bool)
    optimiser = torch.optim.Adam(net.parameters(), 3e-3)
    def search():
        return monotonic_search(net(letters[lines], mask, mel, mel_mask, prior)[0].detach(), tokens, frames)
    before = (search() - durations).abs().float().mean()
    for _ in range(60):
        score, _ = net(letters[lines], mask, mel, mel_mask, prior)
        optimiser.zero_grad()
        forward_sum_loss(score, tokens, frames).backward()
        optimiser.step()
    assert before > 1.2
    assert (search() - durations).abs().float().mean() < 0.75
