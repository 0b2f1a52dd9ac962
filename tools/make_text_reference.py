"""Writes tests/data/text/golden: tokenizers of Hugging Face's `tokenizers` and what they make of
texts, and tests/metric/golden/text.json: the measures of sacreBLEU and rouge-score. Needs both and
tokenizers."""

import json
import os
import random
import unicodedata

from rouge_score import rouge_scorer
from sacrebleu.metrics import BLEU, CHRF
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests")
golden = os.path.join(root, "data", "text", "golden")
os.makedirs(golden, exist_ok=True)
os.makedirs(os.path.join(root, "metric", "golden"), exist_ok=True)

corpus = [
    "It was the best of times, it was the worst of times, it was the age of wisdom...",
    "She'll say they're here; I've said we'd see 1234 things in 2026!",
    "Die Straße führt über die Brücke, nicht wahr? Größe: 12,5 cm.",
    "深度学习是机器学习的一个分支。学习深度网络需要数据。",
    "naïve café — résumé “quoted” text\twith\ttabs\n\nand   blanks  ",
] * 3

random.seed(7)


def assigned(*ranges):
    """A character that all versions of Unicode that programs use have."""
    while True:
        c = chr(random.randrange(*random.choice(ranges)))
        if unicodedata.ucd_3_2_0.category(c) != "Cn":
            return c


def random_text(n):
    out = []
    for _ in range(n):
        k = random.random()
        if k < 0.5:
            out.append(random.choice("abc XYZ'sdt  12.,!\n\t"))
        elif k < 0.75:
            out.append(assigned((0xA0, 0x3000)))
        elif k < 0.9:
            out.append(assigned((0x3000, 0xD800), (0xE000, 0xFFFE)))
        else:
            out.append(assigned((0x10000, 0x30000)))
    return "".join(out)


texts = corpus[:5] + ["", " ", "\n", "a", "  two  blanks  \n \n x", "It's I'LL WE'D 'tis 12345 ٣٤٥ ①②"]
texts += [random_text(60) for _ in range(40)]

bpe = Tokenizer(models.BPE())
bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
bpe.decoder = decoders.ByteLevel()
bpe.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=400, min_frequency=2, show_progress=False,
                        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=["<|end|>"]))
bpe.save(os.path.join(golden, "bpe.json"), pretty=False)

gpt4 = Tokenizer.from_str(bpe.to_str())
gpt4.pre_tokenizer = pre_tokenizers.Sequence([
    pre_tokenizers.Split(__import__("tokenizers").Regex(
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"),
        "isolated"),
    pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
gpt4.save(os.path.join(golden, "gpt4.json"), pretty=False)

bert = Tokenizer(models.WordPiece(unk_token="[UNK]"))
bert.normalizer = normalizers.BertNormalizer()
bert.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
bert.decoder = decoders.WordPiece()
bert.train_from_iterator(corpus, trainers.WordPieceTrainer(vocab_size=220, show_progress=False,
                         special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]))
bert.post_processor = processors.TemplateProcessing(
    single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
    special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
bert.save(os.path.join(golden, "wordpiece.json"), pretty=False)

cases = []
for name, t in (("bpe", bpe), ("gpt4", gpt4), ("wordpiece", bert)):
    for text in texts + ["one<|end|>two", "[MASK] of [SEP]s"]:
        e = t.encode(text)
        cases.append({"tokenizer": name, "text": text, "ids": e.ids, "decoded": t.decode(e.ids)})
    e = t.encode("first text", "second one")
    cases.append({"tokenizer": name, "text": "first text", "pair": "second one", "ids": e.ids,
                  "types": e.type_ids, "decoded": t.decode(e.ids)})
steps = [("NFC", normalizers.NFC()), ("NFD", normalizers.NFD()), ("NFKC", normalizers.NFKC()),
         ("NFKD", normalizers.NFKD()), ("Lowercase", normalizers.Lowercase()),
         ("StripAccents", normalizers.StripAccents()), ("Strip", normalizers.Strip()),
         ("BertNormalizer", normalizers.BertNormalizer())]
normal = [{"type": n, "text": t, "result": s.normalize_str(t)} for n, s in steps for t in texts[:11]]
pres = [("Whitespace", pre_tokenizers.Whitespace()), ("WhitespaceSplit", pre_tokenizers.WhitespaceSplit()),
        ("BertPreTokenizer", pre_tokenizers.BertPreTokenizer()), ("Punctuation", pre_tokenizers.Punctuation()),
        ("Digits", pre_tokenizers.Digits())]
pieces = [{"type": n, "text": t, "pieces": [p for p, _ in s.pre_tokenize_str(t)]} for n, s in pres for t in texts[:20]]
with open(os.path.join(golden, "cases.json"), "w") as f:
    json.dump({"encode": cases, "normalize": normal, "pieces": pieces,
               "corpus": corpus}, f, ensure_ascii=False)

hypotheses = ["The cat sat on the mat.", "There is a dog in the garden, isn't there?", "It costs 1,234.50 dollars.",
              "我喜欢深度学习。", "Two men are walking-by.", ""]
first = ["The cat is on the mat.", "A dog is in the garden, isn't it?", "It costs $1,234.50.", "我很喜欢深度学习！",
         "Two men are walking by.", "Something."]
second = ["A cat sat on a mat.", "There's a dog in the yard.", "The price is 1,234.5 dollars.", "深度学习我喜欢。",
          "Two people walk by.", "x"]
measures = {"hypotheses": hypotheses, "first": first, "second": second, "bleu": [], "chrf": [], "rouge": []}
for kw in ({}, {"lowercase": True}, {"tokenize": "char"}, {"tokenize": "zh"}, {"tokenize": "none"},
           {"smooth_method": "floor"}, {"smooth_method": "add-k"}, {"smooth_method": "none"}):
    for refs in ([first], [first, second]):
        b = BLEU(**kw).corpus_score(hypotheses, refs)
        measures["bleu"].append({"options": kw, "references": len(refs), "score": b.score, "bp": b.bp,
                                 "precisions": b.precisions})
    for h, r in zip(hypotheses, first):
        b = BLEU(effective_order=True, **kw).sentence_score(h, [r])
        measures["bleu"].append({"options": kw, "sentence": h, "reference": r, "score": b.score, "bp": b.bp,
                                 "precisions": b.precisions})
for kw in ({}, {"word_order": 2}, {"beta": 1}, {"char_order": 3, "whitespace": True}, {"lowercase": True}):
    for refs in ([first], [first, second]):
        measures["chrf"].append({"options": kw, "references": len(refs),
                                 "score": CHRF(**kw).corpus_score(hypotheses, refs).score})
kinds = ["rouge1", "rouge2", "rougeL", "rougeLsum"]
scorer = rouge_scorer.RougeScorer(kinds)
summary = [("the cat was found\nunder the big funny bed today", "the cat was under the bed\nit was funny today"),
           ("A man, a plan: a canal 42.", "A plan for a canal (42)!"), ("", "x"), ("same words", "same words")]
for text, reference in summary + list(zip(hypotheses, first)):
    s = scorer.score(reference, text)
    measures["rouge"].append({"text": text, "reference": reference,
                              **{k: [s[k].precision, s[k].recall, s[k].fmeasure] for k in kinds}})
with open(os.path.join(root, "metric", "golden", "text.json"), "w") as f:
    json.dump(measures, f, ensure_ascii=False)
