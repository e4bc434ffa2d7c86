"""Checkpoints of random weights in the architectures of the paper profile, a few hundred KB each."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from dubctl.emotion.base import EMOTIONS

WORDS = ("what are your feelings after the following event ? i am glad sad angry afraid you he she it they we the a an "
         "and of scene face person shows mood dark bright calm tense happy smile frown hue lightness saturation clip "
         "comes from film in one two sentences describe").split()


def word_tokenizer(folder: Path, special: tuple[str, ...] = ()) -> int:
    """A whitespace tokenizer in `folder`, with the usual special tokens; returns the size of its vocabulary."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    names = ["<pad>", "<s>", "</s>", "<unk>", *special]
    vocab = {word: place for place, word in enumerate([*names, *dict.fromkeys(WORDS)])}
    inner = Tokenizer(models.WordLevel(vocab, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit()])
    inner.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", vocab["<s>"]), ("</s>", vocab["</s>"])])
    PreTrainedTokenizerFast(tokenizer_object=inner, pad_token="<pad>", bos_token="<s>", eos_token="</s>",
                            unk_token="<unk>", cls_token="<s>", sep_token="</s>",
                            additional_special_tokens=list(special)).save_pretrained(folder)
    return len(vocab)


def rter(folder: Path, labels: tuple[str, ...] = EMOTIONS, shape: str = "safetensors") -> Path:
    """A RoBERTa classifier of two layers, hidden state 32-d; `shape` "bin" saves as older checkpoints are."""
    from transformers import RobertaConfig, RobertaForSequenceClassification

    torch.manual_seed(1)
    size = word_tokenizer(folder)
    config = RobertaConfig(vocab_size=size, hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
                           intermediate_size=48, max_position_embeddings=140, pad_token_id=0, bos_token_id=1,
                           eos_token_id=2, num_labels=len(labels), id2label=dict(enumerate(labels)),
                           label2id={label: i for i, label in enumerate(labels)}, initializer_range=0.5)
    net = RobertaForSequenceClassification(config)
    if shape == "safetensors":
        net.save_pretrained(folder)
    else:
        config.architectures = ["RobertaForSequenceClassification"]
        config.save_pretrained(folder)
        torch.save(net.state_dict(), folder / "pytorch_model.bin")
    return folder


def comet(folder: Path, kind: str = "t5") -> Path:
    """An encoder-decoder of one layer each: T5 as the paper's, or BART as COMET-ATOMIC-2020's."""
    from transformers import BartConfig, BartForConditionalGeneration, T5Config, T5ForConditionalGeneration

    torch.manual_seed(2)
    size = word_tokenizer(folder)
    if kind == "t5":
        net: torch.nn.Module = T5ForConditionalGeneration(T5Config(
            vocab_size=size, d_model=32, d_kv=16, d_ff=32, num_layers=1, num_heads=2, pad_token_id=0, eos_token_id=2,
            decoder_start_token_id=0, initializer_factor=3.0))
    else:
        net = BartForConditionalGeneration(BartConfig(
            vocab_size=size, d_model=32, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
            decoder_attention_heads=2, encoder_ffn_dim=32, decoder_ffn_dim=32, max_position_embeddings=160,
            pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=2, forced_eos_token_id=2,
            init_std=0.5))
    net.save_pretrained(folder)
    return folder


CHAT = ("{% for message in messages %}{{ message['role'] }} {% for part in message['content'] %}"
        "{% if part['type'] == 'video' %}<video> {% elif part['type'] == 'image' %}<image> {% else %}{{ part['text'] }}"
        " {% endif %}{% endfor %}{% endfor %}assistant ")


def video_llm(folder: Path) -> Path:
    """A LLaVA-OneVision of one layer everywhere: SigLIP tower, Qwen2, video processor."""
    from transformers import (
        AutoTokenizer,
        LlavaOnevisionConfig,
        LlavaOnevisionForConditionalGeneration,
        LlavaOnevisionImageProcessor,
        LlavaOnevisionProcessor,
        LlavaOnevisionVideoProcessor,
        Qwen2Config,
        SiglipVisionConfig,
    )

    torch.manual_seed(3)
    size = word_tokenizer(folder, ("<image>", "<video>"))
    ids = {"image_token_index": 4, "video_token_index": 5}
    config = LlavaOnevisionConfig(
        vision_config=SiglipVisionConfig(hidden_size=16, intermediate_size=16, num_hidden_layers=1, image_size=28,
                                         num_attention_heads=2, patch_size=14, vision_use_head=False),
        text_config=Qwen2Config(vocab_size=size, hidden_size=32, intermediate_size=32, num_hidden_layers=1,
                                num_attention_heads=2, num_key_value_heads=2, initializer_range=0.5, bos_token_id=1,
                                eos_token_id=2, pad_token_id=0, max_position_embeddings=512),
        vision_feature_layer=-1, image_grid_pinpoints=[[28, 28]], vision_aspect_ratio="anyres_max_9", **ids)
    LlavaOnevisionForConditionalGeneration(config).save_pretrained(folder)
    side = {"height": 28, "width": 28}
    LlavaOnevisionProcessor(
        image_processor=LlavaOnevisionImageProcessor(size=side, image_grid_pinpoints=[[28, 28]]),
        tokenizer=AutoTokenizer.from_pretrained(folder), video_processor=LlavaOnevisionVideoProcessor(size=side),
        num_image_tokens=4, vision_feature_select_strategy="full", chat_template=CHAT).save_pretrained(folder)
    return folder


def image_llm(folder: Path) -> Path:
    """A LLaVA of one layer everywhere, whose processor knows pictures only."""
    from transformers import (
        AutoTokenizer,
        CLIPImageProcessor,
        CLIPVisionConfig,
        LlamaConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
    )

    torch.manual_seed(4)
    size = word_tokenizer(folder, ("<image>",))
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(hidden_size=16, intermediate_size=16, num_hidden_layers=1, image_size=28,
                                       num_attention_heads=2, patch_size=14),
        text_config=LlamaConfig(vocab_size=size, hidden_size=32, intermediate_size=32, num_hidden_layers=1,
                                num_attention_heads=2, initializer_range=0.5, bos_token_id=1, eos_token_id=2,
                                pad_token_id=0, max_position_embeddings=512),
        vision_feature_layer=-1, image_token_index=4, image_seq_length=4)
    LlavaForConditionalGeneration(config).save_pretrained(folder)
    LlavaProcessor(image_processor=CLIPImageProcessor(size={"shortest_edge": 28}, crop_size=28),
                   tokenizer=AutoTokenizer.from_pretrained(folder), patch_size=14,
                   vision_feature_select_strategy="default", chat_template=CHAT,
                   num_additional_image_tokens=1).save_pretrained(folder)
    return folder


QWEN_CHAT = CHAT.replace("<video>", "<|vision_start|><|video_pad|><|vision_end|>").replace("<image>", "<|image_pad|>")
QWEN_SPECIAL = ("<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")  # ids 4 to 7


def qwen_vl(folder: Path) -> Path:
    """A Qwen2.5-VL of one layer everywhere: frames in pairs, positions from seconds."""
    from transformers import (
        AutoTokenizer,
        Qwen2_5_VLConfig,
        Qwen2_5_VLForConditionalGeneration,
        Qwen2_5_VLProcessor,
        Qwen2VLImageProcessor,
        Qwen2VLVideoProcessor,
    )

    torch.manual_seed(6)
    size = word_tokenizer(folder, QWEN_SPECIAL)
    config = Qwen2_5_VLConfig(
        vision_config={"depth": 1, "hidden_size": 16, "intermediate_size": 16, "num_heads": 2, "patch_size": 14,
                       "out_hidden_size": 32, "fullatt_block_indexes": [0], "window_size": 56},
        text_config={"vocab_size": size, "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1,
                     "num_attention_heads": 2, "num_key_value_heads": 2, "initializer_range": 0.5, "bos_token_id": 1,
                     "eos_token_id": 2, "pad_token_id": 0, "max_position_embeddings": 512,
                     "rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 3, 3]}},
        vision_start_token_id=4, vision_end_token_id=5, image_token_id=6, video_token_id=7)
    Qwen2_5_VLForConditionalGeneration(config).save_pretrained(folder)
    pixels = {"min_pixels": 56 * 56, "max_pixels": 56 * 56}
    Qwen2_5_VLProcessor(image_processor=Qwen2VLImageProcessor(**pixels),
                        tokenizer=AutoTokenizer.from_pretrained(folder),
                        video_processor=Qwen2VLVideoProcessor(**pixels), chat_template=QWEN_CHAT
                        ).save_pretrained(folder)
    return folder


def videollama3(folder: Path) -> Path:
    """A VideoLLaMA 3 of one layer everywhere: times are written between the frames, still patches dropped."""
    from transformers import (
        AutoTokenizer,
        VideoLlama3Config,
        VideoLlama3ForConditionalGeneration,
        VideoLlama3ImageProcessor,
        VideoLlama3Processor,
        VideoLlama3VideoProcessor,
    )

    torch.manual_seed(7)
    size = word_tokenizer(folder, QWEN_SPECIAL)
    config = VideoLlama3Config(
        vision_config={"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
                       "patch_size": 14},
        text_config={"model_type": "qwen2", "vocab_size": size, "hidden_size": 32, "intermediate_size": 32,
                     "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 2,
                     "initializer_range": 0.5, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0,
                     "max_position_embeddings": 512},
        image_token_id=6, video_token_id=7)
    VideoLlama3ForConditionalGeneration(config).save_pretrained(folder)
    pixels = {"min_pixels": 56 * 56, "max_pixels": 56 * 56}
    VideoLlama3Processor(image_processor=VideoLlama3ImageProcessor(**pixels),
                         tokenizer=AutoTokenizer.from_pretrained(folder),
                         video_processor=VideoLlama3VideoProcessor(**pixels), chat_template=QWEN_CHAT
                         ).save_pretrained(folder)
    return folder


def emotion2vec(folder: Path, scale_dims: int = 5) -> Path:
    """An emotion2vec of two blocks and a prenet of one, 24-d, in FunASR's files, parameters of `waves`."""
    import yaml

    from dubctl.emotion.paper.emotion2vec_net import Emotion2Vec, Emotion2VecConfig

    audio = {"feature_encoder_spec": "[(16, 10, 5)] + [(16, 3, 2)] * 4 + [(16,2,2)] + [(16,2,2)]",
             "extractor_mode": "layer_norm", "conv_pos_width": 95, "conv_pos_groups": 4, "conv_pos_depth": 5,
             "conv_pos_pre_ln": False, "prenet_depth": 1, "num_extra_tokens": 10, "use_alibi_encoder": True,
             "num_alibi_heads": 4, "learned_alibi_scale_per_head": True, "learned_alibi_scale_per_layer": False}
    conf = {"embed_dim": 24, "num_heads": 4, "depth": 2, "mlp_ratio": 4, "norm_eps": 1e-5, "norm_affine": True,
            "layer_norm_first": False, "normalize": True, "modalities": {"audio": audio}}
    (folder / "config.yaml").write_text(yaml.safe_dump({"model": "Emotion2vec", "model_conf": conf}))
    net = waves(Emotion2Vec(Emotion2VecConfig.from_yaml({"model_conf": conf})))
    state = net.state_dict() | {"proj.weight": torch.zeros(9, 24), "proj.bias": torch.zeros(9)}
    scale = "modality_encoders.AUDIO.alibi_scale"
    state[scale] = state[scale] if scale_dims == 5 else state[scale][0]
    torch.save({"model": state}, folder / "model.pt")
    return folder


def waves(net: torch.nn.Module) -> torch.nn.Module:
    """Fill parameters, in the order of their names, with 0.3 sin(0, 1, 2, ...): the same numbers in any code."""
    at = 0
    with torch.no_grad():
        for _, value in sorted(net.named_parameters()):
            value.copy_((0.3 * torch.sin(torch.arange(at, at + value.numel(), dtype=torch.float64))).view_as(value))
            at += value.numel()
    return net


def bigvgan(folder: Path, bands: int = 80, rate: int = 22050, fmax: float | None = 8000.0) -> Path:
    """A BigVGAN of 8 channels with NVIDIA's files: weight norm in the names, stored filters, a training key."""
    from dubctl.synth.bigvgan import BigVganConfig, Generator

    table = {"num_mels": bands, "sampling_rate": rate, "hop_size": 256, "n_fft": 1024, "win_size": 1024, "fmin": 0,
             "fmax": fmax, "upsample_rates": [4, 4, 4, 4], "upsample_kernel_sizes": [8, 8, 8, 8],
             "upsample_initial_channel": 32, "resblock": "1", "resblock_kernel_sizes": [3],
             "resblock_dilation_sizes": [[1, 3]], "activation": "snakebeta", "snake_logscale": True,
             "use_bias_at_final": False, "use_tanh_at_final": False, "batch_size": 32, "num_gpus": 0}
    (folder / "config.json").write_text(json.dumps(table))
    torch.manual_seed(5)
    net = Generator(BigVganConfig.from_json(table))
    state = {}
    for name, value in net.state_dict().items():
        if name.endswith(".weight"):
            gain = value.flatten(1).norm(dim=1).reshape(-1, *[1] * (value.dim() - 1))
            state |= {f"{name}_g": gain, f"{name}_v": 3 * value}  # only the direction of v counts
        else:
            state[name] = value
    state["activation_post.upsample.filter"] = torch.zeros(1, 1, 12)
    torch.save({"generator": state}, folder / "bigvgan_generator.pt")
    return folder


def whisper(folder: Path) -> Path:
    """A Whisper of random weights in Hugging Face layout, a few KB."""
    from transformers import (
        WhisperConfig,
        WhisperFeatureExtractor,
        WhisperForConditionalGeneration,
        WhisperProcessor,
        WhisperTokenizer,
    )

    vocab = {chr(33 + i): i for i in range(94)}
    specials = ["<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|transcribe|>", "<|notimestamps|>"]
    vocab.update({token: len(vocab) + i for i, token in enumerate(specials)})
    (folder / "vocab.json").write_text(json.dumps(vocab))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = WhisperTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), unk_token="<|endoftext|>",
                                 bos_token="<|endoftext|>", eos_token="<|endoftext|>")
    start = vocab["<|startoftranscript|>"]
    torch.manual_seed(8)
    model = WhisperForConditionalGeneration(WhisperConfig(
        vocab_size=len(vocab), d_model=16, encoder_layers=1, decoder_layers=1, num_mel_bins=80,
        encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16,
        max_target_positions=16, decoder_start_token_id=start, bos_token_id=start,
        eos_token_id=vocab["<|endoftext|>"], pad_token_id=start, suppress_tokens=None, begin_suppress_tokens=None))
    model.generation_config.max_length = 12
    model.save_pretrained(folder)
    WhisperProcessor(WhisperFeatureExtractor(), tokenizer).save_pretrained(folder)
    return folder


def project(folder: Path) -> Path:
    """A project file in `folder` that names a tiny checkpoint for each part of the paper profile; returns its path."""
    parts = {"rter": rter, "comet": comet, "audio": emotion2vec, "video-llm": video_llm, "vocoder": bigvgan,
             "asr": whisper}
    named = ["frames = 3", "tokens = 6", f'cache = "{folder / "captions"}"']
    for part, make in parts.items():
        place = folder / "models" / make.__name__
        place.mkdir(parents=True)
        named.append(f'{part} = "{make(place)}"')
    path = folder / "dubctl.toml"
    path.write_text('profile = "paper"\ndevice = "cpu"\n[paper]\n' + "\n".join(named) + "\n")
    return path
