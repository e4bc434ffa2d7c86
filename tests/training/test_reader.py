"""The reader of phones learns them from recordings, and asks made speech to be as easy to tell apart."""

import torch

from dubctl.synth.symbols import INDEX
from dubctl.training.reader import FIRST_SOUND, Reading, Spoken, school, spoken

SOUNDS = torch.tensor([INDEX[s] for s in ("a", "i", "s", "m", "t", "ʃ")])


def recordings(step: int) -> Spoken:
    """Lines of six sounds, each with bands of its own, in voices whose every band has another level."""
    generator = torch.Generator().manual_seed(step)
    shapes = torch.randn(len(SOUNDS), 80, generator=torch.Generator().manual_seed(77)) * 2
    which = torch.randint(len(SOUNDS), (4, 8), generator=generator)
    durations = torch.randint(4, 9, (4, 8), generator=generator)
    frames = durations.sum(1)
    mel = torch.zeros(4, int(frames.max()), 80)
    for line, (sounds, lengths) in enumerate(zip(which, durations, strict=True)):
        mel[line, : frames[line]] = shapes[sounds].repeat_interleave(lengths, 0)
    voice = torch.randn(4, 1, 80, generator=generator) * 2
    return spoken(mel + voice - 5 + 0.3 * torch.randn(mel.shape, generator=generator), SOUNDS[which], durations, frames)


@torch.no_grad()
def right(reading: Reading, line: Spoken) -> float:
    """Share of the frames that are read right, without noise."""
    heard, read = reading.network(line.mel, line.mask).argmax(-1), line.phones >= 0
    return float((heard == line.phones)[read].float().mean())


def schooled() -> Reading:
    torch.manual_seed(0)
    reading = Reading(2e-3, torch.device("cpu"))
    losses = school(reading, recordings, 60)
    assert losses[-1] < 0.5 * losses[0]
    return reading


def test_it_reads_voices_it_never_heard_and_pulls_mumbled_speech_to_what_it_reads_well():
    reading = schooled()
    new = recordings(999)
    assert right(reading, new) > 0.9
    mumbled = torch.nn.functional.avg_pool1d(new.mel.transpose(1, 2), 9, 1, 4).transpose(1, 2)
    made = mumbled.clone().requires_grad_(True)
    for _ in range(20):
        gradient, = torch.autograd.grad(reading.term(Spoken(made, new.mask, new.phones), new), made)
        made = (made - 0.1 * gradient / gradient.abs().mean()).detach().requires_grad_(True)
    before, after = (right(reading, Spoken(mel.detach(), new.mask, new.phones)) for mel in (mumbled, made))
    assert after > before + 0.02


def test_pauses_edges_and_padding_are_not_to_be_read():
    phones = torch.tensor([[INDEX["<sil>"], INDEX["a"], INDEX[","], INDEX["s"]]])
    line = spoken(torch.zeros(1, 12, 80), phones, torch.tensor([[2, 3, 2, 3]]), torch.tensor([10]))
    assert line.phones[0].tolist() == [-1] * 2 + [INDEX["a"]] * 3 + [-1] * 2 + [INDEX["s"]] * 3 + [-1] * 2
    assert (line.phones[line.phones >= 0] >= FIRST_SOUND).all()


def test_nothing_is_learnt_from_what_was_made_or_without_a_look():
    reading = Reading(1e-3, torch.device("cpu"))
    before = {n: v.clone() for n, v in reading.network.state_dict().items()}
    reading.term(recordings(0), recordings(0)).backward()
    assert reading.learn() == 0.0
    assert all(torch.equal(v, before[n]) for n, v in reading.network.state_dict().items())
