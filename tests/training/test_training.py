"""Training: batches by (seed, step), resume bit for bit, losses that fall, queries that never find themselves."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from dubctl.emotion.base import EmotionSpace
from dubctl.errors import InputError, UsageError
from dubctl.files import read_jsonl
from dubctl.library.schema import ClipRow
from dubctl.library.store import Library
from dubctl.synth.config import tiny_config
from dubctl.synth.decoder import Prosody
from dubctl.synth.symbols import Tokens
from dubctl.training import checkpoint
from dubctl.training.config import LossWeights, TrainConfig
from dubctl.training.corpus import emotion_source
from dubctl.training.data import Item, Sampler
from dubctl.training.emotion_data import EmotionSource, ReferencePool
from dubctl.training.features import Features
from dubctl.training.losses import emotion_loss, mel_l1, prosody_losses
from dubctl.training.trainer import Trainer, learning_rate
from dubctl.training.visemes import normalised, synthetic_lips, viseme_table


def items(count=10, seed=0):
    rng = np.random.default_rng(seed)
    def one(i):
        frames, tokens = int(rng.integers(40, 70)), int(rng.integers(6, 12))
        voice, second = np.abs(rng.normal(size=256)).astype(np.float32), rng.normal(size=192).astype(np.float32)
        mel = (rng.normal(size=(frames, 80)) - 5).astype(np.float16)
        phones = [1, *rng.integers(11, 60, tokens - 2).tolist(), 1]
        return Item(f"c{i}", f"s{i % 3}", Tokens(phones, [0] * tokens),
                    Features(mel, np.full(frames, 150, np.float16), voice / np.linalg.norm(voice),
                             campplus=second / np.linalg.norm(second)), row=i,
                    emotion=i % 7)
    return [one(i) for i in range(count)]


def source(count=10, seed=0):
    rng = np.random.default_rng(seed)
    basic = {m: rng.normal(size=(count, d)).astype(np.float32) for m, d in (("scene", 8), ("face", 8), ("text", 16))}
    all_there = np.ones(count, bool)
    footage = ReferencePool(basic, rng.normal(size=(count, 6)).astype(np.float32), all_there)
    return EmotionSource(basic, dict.fromkeys(basic, all_there), footage,
                         dict.fromkeys(basic, (np.arange(count)[:, None] + np.arange(1, 5)) % count))


def config(**changes):
    model = tiny_config(scene_dim=8, face_dim=8, text_dim=16, audio_dim=6)
    return TrainConfig(**{"model": model, "steps": 8, "batch": 4, "warmup": 2, "lips_from": 2, "binarise_from": 3,
                          "checkpoint_every": 4, "validate_every": 4, "log_every": 2, "bf16": False, **changes})


def trainer(tmp_path, **changes):
    return Trainer(config(**changes), items(), items(4, 9), tmp_path, emotion=source())


def test_batches_are_a_function_of_seed_and_step():
    a, b = Sampler(items(), 4, 3), Sampler(items(), 4, 3)
    b.make(0, 0.5, 0.5)  # asking in another order must not matter
    later, same = a.make(5, 0.5, 0.5), b.make(5, 0.5, 0.5)
    assert torch.equal(later.mel, same.mel) and torch.equal(later.prompt, same.prompt)
    other = Sampler(items(), 4, 4).make(5, 0.5, 0.5)
    assert later.seed != other.seed


def test_one_speaker_with_many_clips_does_not_fill_the_epoch():
    many = items(30)
    for item in many[:24]:
        item.speaker = "reader"
    sampler = Sampler(many, 2, 0, per_speaker=4)
    dealt = np.concatenate([sampler.indices(s) for s in range(sampler.per_epoch)])
    assert sum(many[i].speaker == "reader" for i in dealt) <= 4


@pytest.mark.parametrize("cut", [0, 5])  # 0: right after the graphs' own steps
def test_resume_is_bit_for_bit(tmp_path, cut):
    whole = trainer(tmp_path / "whole", graph_steps=3)
    whole.run()
    first = trainer(tmp_path / "cut", graph_steps=3)
    first.run(stop=lambda: first.step >= cut)
    second = trainer(tmp_path / "cut", graph_steps=3)
    second.resume()
    assert second.step == cut and second.studied
    second.run()
    for (name, a), b in zip(whole.model.state_dict().items(), second.model.state_dict().values(), strict=True):
        assert torch.equal(a, b), name
    for name, a in whole.ema.items():
        assert torch.equal(a, second.ema[name]), name
    saved, again = (checkpoint.load(run.checkpoint_path)[0]["optimiser"] for run in (whole, second))
    assert saved.keys() == again.keys() and all(torch.equal(saved[name], again[name]) for name in saved)


def test_a_run_with_judges_resumes_bit_for_bit_and_frozen_parts_stay(tmp_path):
    chosen = {"loss": LossWeights(adversarial=0.5, match=0.5, clear=0.1), "reader_steps": 2, "freeze": ("graphs",)}
    whole = trainer(tmp_path / "whole", **chosen)
    before = {n: v.clone() for n, v in whole.model.state_dict().items()}
    whole.run()
    first = trainer(tmp_path / "cut", **chosen)
    first.run(stop=lambda: first.step >= 3)
    second = trainer(tmp_path / "cut", **chosen)
    second.resume()
    second.run()
    saved, again = (checkpoint.load(run.checkpoint_path)[0] for run in (whole, second))
    assert {"critic", "critic_optimiser", "reader", "reader_optimiser"} <= saved.keys() == again.keys()
    for group, tensors in saved.items():
        assert all(torch.equal(value, again[group][name]) for name, value in tensors.items()), group
    still = {name for name, value in whole.model.state_dict().items() if torch.equal(value, before[name])}
    assert {name.split(".")[0] for name in still} == {"graphs"}
    assert {name for name in before if name.startswith("graphs.")} <= still
    logged = [r for r in read_jsonl(tmp_path / "whole" / "losses.jsonl") if r["phase"] == "train"]
    assert all({"adversarial", "match", "critic", "clear", "reader"} <= r.keys() for r in logged)


def test_an_unknown_part_to_freeze_is_named(tmp_path):
    with pytest.raises(InputError, match="no part 'graph' in the network"):
        trainer(tmp_path, freeze=("graph",))


def test_what_is_frozen_cannot_be_what_is_trained(tmp_path):
    with pytest.raises(InputError, match="graph_steps"):
        trainer(tmp_path, freeze=("graphs",), graph_steps=3)
    parts = [name for name, _ in trainer(tmp_path).model.named_children()]
    with pytest.raises(InputError, match="nothing is left"):
        trainer(tmp_path, freeze=tuple(parts))


def test_log_has_each_step_once_after_a_resume(tmp_path):
    first = trainer(tmp_path)
    first.run(stop=lambda: first.step >= 4)
    (tmp_path / "losses.jsonl").open("a").write(json.dumps({"step": 6, "phase": "train"}) + "\n")
    again = trainer(tmp_path)
    again.resume()
    again.run()
    steps = [r["step"] for r in map(json.loads, (tmp_path / "losses.jsonl").open()) if r["phase"] == "train"]
    assert steps == [2, 4, 6, 8]


def test_loss_falls_on_a_small_set(tmp_path):
    t = trainer(tmp_path, steps=60, warmup=5, lr=3e-3)
    logs = [t.train_step() for _ in range(60)]
    start, end = np.mean([x["mel"] for x in logs[:5]]), np.mean([x["mel"] for x in logs[-5:]])
    assert end < start * 0.9
    expected = {"align", "binarise", "duration", "pitch", "energy", "lip_focus", "speaker", "contrast", "emotion"}
    assert expected <= set(logs[-1])


def test_a_checkpoint_of_another_network_is_refused(tmp_path):
    trainer(tmp_path).save()
    other = Trainer(config(model=tiny_config(scene_dim=9, face_dim=8, text_dim=16, audio_dim=6)), items(), [], tmp_path)
    with pytest.raises(InputError, match="another network"):
        other.resume()


def test_a_cut_checkpoint_is_one_clear_error(tmp_path):
    trainer(tmp_path).save()
    path = tmp_path / "checkpoint.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(InputError, match="not a readable checkpoint"):
        checkpoint.load(path)


def test_gradient_accumulation_uses_the_next_batches(tmp_path):
    t = trainer(tmp_path, accumulate=2)
    seen = []
    make = t.sampler.make
    t.sampler.make = lambda step, *a: seen.append(step) or make(step, *a)
    t.train_step()
    t.train_step()
    assert seen == [0, 1, 2, 3]


def test_a_training_query_never_retrieves_itself(tmp_path):
    """Nor a test clip, nor a clip without sound, nor the same sound under another name."""
    vectors = np.repeat(np.eye(3, 8, dtype=np.float32), 4, 0)
    there = np.ones(12, bool)
    heard = there.copy()
    heard[5] = False
    rows = [ClipRow(f"c{i}", split="test" if i == 9 else "train", text=f"line {i}",
                    digests={"source": "same" if i in (0, 1) else str(i)}) for i in range(12)]
    spaces = {m: EmotionSpace("fake", "1", 8) for m in ("scene", "face", "text", "audio")}
    names = ("scene", "face", "text_self", "text_react", "audio")
    library = Library(tmp_path, rows, dict.fromkeys(names, vectors),
                      {"scene": there, "face": there, "text": there, "audio": heard}, spaces, "fake", {})
    for found in emotion_source(library).neighbours.values():
        assert not (found == np.arange(12)[:, None]).any()
        assert not (found == 5).any() and not (found == 9).any()
        assert 1 not in found[0] and 0 not in found[1]
        assert set(found[2, :3].tolist()) == {0, 1, 3}


def test_hidden_modalities_hide_their_references_too():
    batch = source().batch([0, 1, 2, 3], 2, np.random.default_rng(0), dropout=0.6)
    assert batch.basic_mask.any(1).all() and not batch.basic_mask.all()
    assert not (batch.hit_mask & ~batch.basic_mask[:, :, None]).any()


def test_losses_ignore_padding_and_unlabelled_items():
    made, real = torch.zeros(1, 4, 80), torch.zeros(1, 4, 80)
    made[0, 3] = 100
    assert float(mel_l1(made, real, torch.tensor([[True, True, True, False]]))) == 0
    logits = torch.tensor([[2.0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 9.0]])
    assert float(emotion_loss(logits, torch.tensor([0, -1]))) == pytest.approx(
        float(torch.nn.functional.cross_entropy(logits[:1], torch.tensor([0]))))
    assert float(emotion_loss(logits, torch.tensor([-1, -1]))) == 0


def test_schedule_rises_then_falls_to_its_floor():
    c = config(steps=100, warmup=10)
    rates = [learning_rate(c, s) for s in range(101)]
    assert rates[0] < rates[9] == pytest.approx(c.lr) and rates[100] == pytest.approx(c.lr * c.final_lr)
    assert all(a >= b for a, b in zip(rates[10:], rates[11:], strict=False))


def test_lips_close_on_p_and_open_on_a():
    from dubctl.synth.symbols import INDEX

    table = viseme_table()
    assert table[INDEX["p"], 0] == 0 < table[INDEX["s"], 0] < table[INDEX["ɑ"], 0]
    assert table[INDEX["u"], 1] < 0 < table[INDEX["i"], 1]
    phones, durations = np.array([INDEX["p"], INDEX["ɑ"]] * 4), np.full(8, 17)
    track = np.mean([synthetic_lips(phones, durations, np.random.default_rng(i))[:, 0] for i in range(20)], 0)
    assert len(track) == round(8 * 17 / 86.1328 * 25)
    truth = np.interp(np.linspace(0, 8, len(track), endpoint=False), np.arange(8) + 0.5, [0, 1] * 4)
    assert np.corrcoef(track, truth)[0, 1] > 0.6


def test_lip_normalisation_ignores_scale_and_offset():
    raw = np.random.default_rng(0).normal(size=(30, 2)).astype(np.float32)
    assert np.allclose(normalised(raw), normalised(raw * 3 + 5), atol=1e-4)


def test_a_clip_with_more_sounds_than_frames_or_too_long_is_not_trained_on():
    item = items(1)[0]
    assert item.fits(9.0) and not item.fits(item.frames / 86.13 - 0.1)
    item.tokens = Tokens([1] * (item.frames + 1), [0] * (item.frames + 1))
    assert not item.fits(9.0)


def test_an_item_in_a_strangers_voice_has_no_part_in_the_prosody_terms():
    torch.manual_seed(0)
    durations = torch.tensor([[3.0, 5.0], [4.0, 9.0]])
    guess = Prosody((durations + 1).log(), torch.zeros(2, 2), torch.zeros(2, 2))
    guess.log_duration[1] = 0.0
    mask = torch.tensor([[True, True], [False, False]])
    terms = prosody_losses(guess, durations, torch.zeros(2, 2), torch.zeros(2, 2), mask, mask)
    assert all(float(t) == pytest.approx(0, abs=1e-6) for t in terms.values())


def test_a_line_played_faster_than_it_was_spoken_teaches_melody_but_no_pace():
    durations = torch.tensor([[3.0, 5.0], [4.0, 9.0]])
    guess = Prosody((durations + 1).log(), torch.zeros(2, 2), torch.zeros(2, 2))
    guess.log_duration[1] = 0.0
    mask = torch.ones(2, 2, dtype=torch.bool)
    paced = torch.tensor([[True, True], [False, False]])
    terms = prosody_losses(guess, durations, torch.ones(2, 2), torch.ones(2, 2), mask, paced)
    assert float(terms["duration"]) == pytest.approx(0, abs=1e-6) and float(terms["pitch"]) > 1


def test_the_step_learns_no_pace_from_what_was_played_faster(tmp_path):
    run = trainer(tmp_path)
    batch = run.sampler.make(0, 0.5, 0.5)
    spoken = run.terms(batch, 0)["duration"]
    played = replace(batch, paced=torch.zeros_like(batch.paced))
    assert spoken.item() > 0 and run.terms(played, 0)["duration"].item() == 0


def test_a_reader_that_is_asked_for_on_resume_is_schooled_first_and_once(tmp_path):
    trainer(tmp_path, steps=2).run()
    for steps, schooled in ((4, True), (6, False)):
        told = []
        run = trainer(tmp_path, steps=steps, loss=LossWeights(clear=0.1), reader_steps=4)
        run.resume()
        run.run(lambda done, total, note="", told=told: told.append(note))
        assert any(note.startswith("reader") for note in told) == schooled and run.step == steps


def test_strangers_are_asked_for_only_where_told():
    sampler = Sampler(items(), 4, 3)
    assert not any(bool(sampler.make(s, 0.5, 0.5).swapped.any()) for s in range(6))
    batch = sampler.make(0, 0.5, 0.5, swap=1.0)
    assert bool(batch.swapped.all())
    spoken = [sampler.items[i] for i in sampler.indices(0)]
    own = torch.tensor([i.log_f0 for i in spoken])
    assert torch.equal(batch.own_log_f0, own) and batch.voices != [i.speaker for i in spoken]


def test_a_word_alone_is_asked_for_by_longer_clips_of_its_voice_and_asks_for_none():
    some = items(6)
    for item in some[:4]:  # s0, s1, s2 have one of over a second each, s0 two
        item.features.mel = np.tile(item.features.mel, (3, 1))[:120]
        item.log_pitch = np.tile(item.log_pitch, 3)[:120]
    sampler = Sampler(some, 6, 3)
    for step in range(5):
        batch = sampler.make(step, 1.0, 0.5)
        for told, item in zip(batch.dvector, [some[i] for i in sampler.indices(step)], strict=True):
            of = [i for i in some if i.speaker == item.speaker and i.usual]
            assert any(np.allclose(told, i.features.dvector) for i in (of if not item.usual else [item]))
    assert {len(sampler.plain[f"s{n}"]) for n in range(3)} == {1, 2}


def test_a_jittered_voice_is_told_beside_itself_and_asked_for_as_it_is():
    sampler = Sampler(items(), 6, 3)
    plain, little, much = (sampler.make(2, 0.5, 0.5, jitter=share) for share in (0.0, 0.1, 1.0))
    assert torch.equal(plain.dvector, plain.asked) and torch.equal(much.asked, plain.asked)
    assert torch.equal(much.prompt, plain.prompt) and torch.equal(much.mel, plain.mel)
    assert torch.allclose(much.dvector.norm(dim=1), torch.ones(6)) and bool((much.dvector >= 0).all())
    near, far = ((batch.dvector - plain.asked).norm(dim=1) for batch in (little, much))
    assert bool((near > 0).all()) and bool((near < far).all()) and float(near.max()) < 0.15


def test_voices_of_one_clip_each_say_nothing_of_how_clips_differ():
    sampler = Sampler(items(3), 3, 3)
    batch = sampler.make(0, 1.0, 0.5, jitter=1.0)
    assert torch.equal(batch.dvector, batch.asked)


@pytest.mark.parametrize("key, value", [("batch", 0), ("steps", -1), ("log_every", 0), ("workers", -1)])
def test_a_count_that_no_run_can_have_is_refused_in_one_line(key, value):
    with pytest.raises(UsageError, match=rf"^\[train\] {key}: {value} is below"):
        config(**{key: value})


def test_with_no_steps_only_the_graphs_learn(tmp_path):
    alone = trainer(tmp_path, steps=0, graph_steps=3)
    before = {n: v.clone() for n, v in alone.model.state_dict().items()}
    alone.run()
    changed = {n.split(".")[0] for n, v in alone.model.state_dict().items() if not torch.equal(v, before[n])}
    assert changed == {"graphs"}
    assert checkpoint.load(alone.checkpoint_path)[1]["step"] == 0


def test_no_steps_and_no_graphs_to_train_is_refused_in_one_line(tmp_path):
    with pytest.raises(UsageError, match="steps: 0 leaves nothing to train"):
        config(steps=0)
    with pytest.raises(InputError, match="steps: 0 trains the graphs alone"):
        Trainer(config(steps=0, graph_steps=3), items(), items(4, 9), tmp_path)


def test_a_run_takes_the_rest_of_a_voice_that_has_a_timbre_adapter_or_lacks_one(tmp_path):
    told, untold = trainer(tmp_path / "a"), trainer(tmp_path / "b", model=without_timbre())
    torch.nn.init.normal_(told.model.timbre.out.weight)
    untold.load_weights({"model": told.model.state_dict(), "ema": told.model.state_dict()})
    assert untold.model.timbre is None and not any(n.startswith("timbre.") for n in untold.ema)
    assert torch.equal(untold.model.decoder.out.weight, told.model.decoder.out.weight)
    again = trainer(tmp_path / "c", seed=1)
    again.load_weights({"model": untold.model.state_dict(), "ema": untold.model.state_dict()})
    assert torch.equal(again.model.decoder.out.weight, told.model.decoder.out.weight)
    assert float(again.ema["timbre.out.weight"].abs().max()) == 0 < float(again.ema["timbre.into.weight"].abs().max())


def test_a_run_of_before_there_were_timbre_adapters_resumes_without_one(tmp_path):
    first = trainer(tmp_path, model=without_timbre())
    first.run(stop=lambda: first.step >= 3)
    groups, meta = checkpoint.load(first.checkpoint_path)
    del meta["config"]["model"]["timbre"]
    checkpoint.save(first.checkpoint_path, groups, meta)
    second = trainer(tmp_path, model=without_timbre())
    second.resume()
    assert second.step == first.step
    with pytest.raises(InputError, match="another network"):
        trainer(tmp_path).resume()


def without_timbre():
    return replace(config().model, timbre=False)
