"""Writes a GGUF file of a Llama with random weights and a dummy vocabulary, for timing llama.cpp.

    python3 bench/peers/gguf_random.py OUT.gguf --weights f32|bf16|q8_0 [--dim 768 --layers 12 ...]

The weights are the same for every type, up to rounding. Speed does not depend on their values, only on their shapes
and types; norms stay f32 as in every GGUF file. Needs numpy and gguf.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import gguf
import numpy as np

TYPES = {
    "f32": (gguf.GGMLQuantizationType.F32, gguf.LlamaFileType.ALL_F32),
    "bf16": (gguf.GGMLQuantizationType.BF16, gguf.LlamaFileType.MOSTLY_BF16),
    "q8_0": (gguf.GGMLQuantizationType.Q8_0, gguf.LlamaFileType.MOSTLY_Q8_0),
}
SPECIAL = [("<unk>", gguf.TokenType.UNKNOWN), ("<s>", gguf.TokenType.CONTROL), ("</s>", gguf.TokenType.CONTROL)]


def shapes(args: argparse.Namespace) -> dict[str, tuple[int, ...]]:
    """llama.cpp's name and the shape (rows, columns) of every tensor, in file order."""
    kv_dim = args.dim // args.heads * args.kv_heads
    result: dict[str, tuple[int, ...]] = {"token_embd.weight": (args.vocab, args.dim)}
    for layer in range(args.layers):
        result |= {
            f"blk.{layer}.attn_norm.weight": (args.dim,),
            f"blk.{layer}.attn_q.weight": (args.dim, args.dim),
            f"blk.{layer}.attn_k.weight": (kv_dim, args.dim),
            f"blk.{layer}.attn_v.weight": (kv_dim, args.dim),
            f"blk.{layer}.attn_output.weight": (args.dim, args.dim),
            f"blk.{layer}.ffn_norm.weight": (args.dim,),
            f"blk.{layer}.ffn_gate.weight": (args.hidden, args.dim),
            f"blk.{layer}.ffn_up.weight": (args.hidden, args.dim),
            f"blk.{layer}.ffn_down.weight": (args.dim, args.hidden),
        }
    return result | {"output_norm.weight": (args.dim,), "output.weight": (args.vocab, args.dim)}


def add_metadata(writer: gguf.GGUFWriter, args: argparse.Namespace, file_type: gguf.LlamaFileType) -> None:
    writer.add_name("random")
    writer.add_file_type(file_type)
    writer.add_context_length(args.context)
    writer.add_embedding_length(args.dim)
    writer.add_block_count(args.layers)
    writer.add_feed_forward_length(args.hidden)
    writer.add_head_count(args.heads)
    writer.add_head_count_kv(args.kv_heads)
    writer.add_rope_dimension_count(args.dim // args.heads)
    writer.add_rope_freq_base(10_000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(args.vocab)


def add_vocabulary(writer: gguf.GGUFWriter, size: int) -> None:
    """The layout of Llama's vocabulary: three special tokens, 256 bytes, then pieces with falling scores."""
    pieces = SPECIAL + [(f"<0x{byte:02X}>", gguf.TokenType.BYTE) for byte in range(256)]
    if size < len(pieces):
        raise SystemExit(f"--vocab {size}: a vocabulary needs at least {len(pieces)} tokens")
    pieces += [(f"\u2581piece{i}", gguf.TokenType.NORMAL) for i in range(size - len(pieces))]
    writer.add_tokenizer_model("llama")
    writer.add_token_list([text for text, _ in pieces])
    writer.add_token_scores([-float(rank) for rank in range(size)])
    writer.add_token_types([kind for _, kind in pieces])
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--weights", choices=TYPES, default="f32")
    defaults = dict(dim=768, layers=12, heads=12, kv_heads=12, hidden=2048, vocab=32_000, context=1024, seed=0)
    for name, default in defaults.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=default)
    args = parser.parse_args()

    quantization, file_type = TYPES[args.weights]
    temporary = args.out.with_name(args.out.name + ".partial")
    writer = gguf.GGUFWriter(temporary, "llama")
    add_metadata(writer, args, file_type)
    add_vocabulary(writer, args.vocab)
    random = np.random.default_rng(args.seed)
    for name, shape in shapes(args).items():
        values = random.standard_normal(shape, dtype=np.float32)
        if len(shape) == 1:
            writer.add_tensor(name, 1.0 + 0.1 * values)
        else:
            data = gguf.quants.quantize(0.02 * values, quantization)
            writer.add_tensor(name, data, raw_dtype=quantization)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    os.replace(temporary, args.out)


if __name__ == "__main__":
    main()
