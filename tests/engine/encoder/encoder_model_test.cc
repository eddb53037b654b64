// Loading encoders from folders and GGUF files, and the heads' interfaces, with made-up weights.
#include <gmock/gmock.h>

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/formats/gguf_writer.h"
#include "family_golden.h"
#include "gtest/gtest.h"
#include "precis/base/file.h"
#include "precis/engine/load_heads.h"
#include "test_util.h"

namespace precis::engine {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

// 43 tokens: the special ones, letters that begin a word, letters inside one.
std::vector<std::string> Words() {
  std::vector<std::string> words = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
  for (const char* prefix : {"", "##"}) {
    for (char c = 'a'; c <= 's'; ++c) words.push_back(std::string(prefix) + c);
  }
  return words;
}

std::string TokenizerJson() {
  json vocabulary, added = json::array();
  const std::vector<std::string> words = Words();
  for (size_t i = 0; i < words.size(); ++i) vocabulary[words[i]] = i;
  for (size_t i = 0; i < 5; ++i) {
    added.push_back({{"id", i},
                     {"content", words[i]},
                     {"special", true},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false}});
  }
  return json{{"version", "1.0"},
              {"added_tokens", added},
              {"normalizer",
               {{"type", "BertNormalizer"},
                {"clean_text", true},
                {"handle_chinese_chars", true},
                {"strip_accents", nullptr},
                {"lowercase", true}}},
              {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
              {"post_processor", {{"type", "BertProcessing"}, {"sep", {"[SEP]", 3}}, {"cls", {"[CLS]", 2}}}},
              {"model",
               {{"type", "WordPiece"},
                {"unk_token", "[UNK]"},
                {"continuing_subword_prefix", "##"},
                {"max_input_chars_per_word", 100},
                {"vocab", vocabulary}}}}
      .dump();
}

class EncoderModelTest : public testing::Test {
 protected:
  EncoderModelTest() {
    std::string pattern = testing::TempDir() + "/precis_encoder_XXXXXX";
    root_ = mkdtemp(pattern.data());
  }
  ~EncoderModelTest() override { fs::remove_all(root_); }

  // A folder with the golden model of a family, changed by `change`.
  template <typename F>
  std::string Folder(const std::string& family, const F& change) {
    json config = FamilyGolden()["families"][family]["config"];
    NamedTensors tensors = FamilyTensors(family);
    change(&config, &tensors);
    const std::string folder = root_ + "/" + family;
    fs::create_directories(folder);
    EXPECT_TRUE(WriteFileDurably(folder + "/config.json", config.dump()).ok());
    EXPECT_TRUE(WriteFileDurably(folder + "/tokenizer.json", TokenizerJson()).ok());
    EXPECT_TRUE(WriteFileDurably(folder + "/model.safetensors", SafetensorsBytes(tensors)).ok());
    return folder;
  }
  std::string Folder(const std::string& family) {
    return Folder(family, [](json*, NamedTensors*) {});
  }
  // With the one label that a cross-encoder has.
  std::string CrossFolder(const std::string& family) {
    return Folder(family, [&](json* config, NamedTensors* tensors) {
      (*config)["id2label"] = {{"0", "LABEL_0"}};
      const std::string out = tensors->count("classifier.out_proj.weight") > 0 ? "classifier.out_proj" : "classifier";
      (*tensors)[out + ".weight"].first[0] = 1;
      (*tensors)[out + ".weight"].second.resize(16);
      (*tensors)[out + ".bias"] = {{1}, {0.25f}};
    });
  }

  std::string root_;
};

// The same network and words as a GGUF file, names and all.
std::string GgufOf(const std::string& family, const std::string& left_out = "") {
  const json config = FamilyGolden()["families"][family]["config"];
  const bool nomic = family == "nomic_bert";
  const std::string arch = nomic ? "nomic-bert" : "bert";
  GgufWriter writer;
  writer.Add("general.architecture", arch.c_str());
  const auto number = [&](const char* key, uint32_t value) { writer.Add(arch + "." + key, value); };
  number("embedding_length", 16);
  number("block_count", 2);
  number("attention.head_count", 2);
  number("feed_forward_length", 24);
  number("context_length", 44);
  number("pooling_type", 1);
  writer.Add(arch + ".attention.layer_norm_epsilon", 1e-12f);
  if (nomic) writer.Add(arch + ".rope.freq_base", 1000.0f);
  std::vector<std::string> words;
  std::vector<int32_t> types;
  for (const std::string& word : Words()) {
    const bool special = word[0] == '[', inside = word[0] == '#';
    words.push_back(special ? word : inside ? word.substr(2) : "\xE2\x96\x81" + word);
    types.push_back(special ? 3 : 1);
  }
  writer.Add("tokenizer.ggml.model", "bert");
  writer.Add("tokenizer.ggml.tokens", words);
  writer.Add("tokenizer.ggml.token_type", types);
  writer.Add("tokenizer.ggml.unknown_token_id", uint32_t{1});
  writer.Add("tokenizer.ggml.cls_token_id", uint32_t{2});
  writer.Add("tokenizer.ggml.seperator_token_id", uint32_t{3});

  const std::pair<const char*, const char*> names[] = {
      {"embeddings.word_embeddings", "token_embd"},
      {"embeddings.position_embeddings", "position_embd"},
      {"embeddings.token_type_embeddings", "token_types"},
      {"embeddings.LayerNorm", "token_embd_norm"},
      {"emb_ln", "token_embd_norm"},
      {"encoder.layers.", "blk."},
      {"encoder.layer.", "blk."},
      {"attention.self.query", "attn_q"},
      {"attention.self.key", "attn_k"},
      {"attention.self.value", "attn_v"},
      {"attention.output.dense", "attn_output"},
      {"attention.output.LayerNorm", "attn_output_norm"},
      {"intermediate.dense", "ffn_up"},
      {"output.dense", "ffn_down"},
      {"output.LayerNorm", "layer_output_norm"},
      {"attn.Wqkv", "attn_qkv"},
      {"attn.out_proj", "attn_output"},
      {"norm1", "attn_output_norm"},
      {"mlp.fc11", "ffn_up"},
      {"mlp.fc12", "ffn_gate"},
      {"mlp.fc2", "ffn_down"},
      {"norm2", "layer_output_norm"},
  };
  for (const auto& [name, tensor] : FamilyTensors(family)) {
    std::string renamed = name;
    if (renamed.starts_with("bert.")) renamed.erase(0, 5);
    for (const auto& [from, to] : names) {
      if (const size_t at = renamed.find(from); at != std::string::npos) {
        renamed.replace(at, std::string(from).size(), to);
      }
    }
    if (renamed.starts_with("cls.") || renamed.starts_with("pooler") || renamed.starts_with("classifier")) continue;
    if (renamed != left_out) writer.AddTensor(renamed, tensor.first, tensor.second);
  }
  return writer.Finish();
}

const std::vector<std::string_view> kTexts = {"abc def", "", "h", "abc abd abe ab", "q"};

TEST_F(EncoderModelTest, AGgufFileGivesTheVectorsOfTheFolderThatItWasMadeFrom) {
  for (const char* family : {"bert", "nomic_bert"}) {
    const std::string folder = Folder(family), path = root_ + "/" + family + ".gguf";
    ASSERT_TRUE(WriteFileDurably(path, GgufOf(family)).ok());
    const auto hf = LoadEmbedder(folder, {.check_weights = true});
    const auto gguf = LoadEmbedder(path, {.check_weights = true});
    ASSERT_TRUE(hf.ok() && gguf.ok()) << hf.status() << gguf.status();
    const auto a = (*hf)->Embed(kTexts, {}, CallContext()), b = (*gguf)->Embed(kTexts, {}, CallContext());
    ASSERT_TRUE(a.ok() && b.ok()) << a.status() << b.status();
    for (size_t i = 0; i < kTexts.size(); ++i) {
      EXPECT_EQ((*a)[i].tokens_total, (*b)[i].tokens_total) << kTexts[i];
      EXPECT_TRUE(SameBits((*a)[i].vector, (*b)[i].vector)) << family << " " << kTexts[i];
    }
    EXPECT_EQ((*gguf)->info().parameters, (*hf)->info().parameters);
    EXPECT_NE((*gguf)->info().fingerprint, (*hf)->info().fingerprint);
  }
}

TEST_F(EncoderModelTest, WhatAGgufFileLacksIsNamed) {
  for (const char* name : {"blk.1.ffn_gate.weight", "blk.0.attn_output_norm.bias", "token_embd_norm.weight"}) {
    const std::string path = root_ + "/damaged.gguf";
    ASSERT_TRUE(WriteFileDurably(path, GgufOf("nomic_bert", name)).ok());
    const auto loaded = LoadEmbedder(path, {});
    EXPECT_EQ(loaded.status().code(), absl::StatusCode::kNotFound);
    EXPECT_THAT(std::string(loaded.status().message()), HasSubstr(name));
  }
}

TEST_F(EncoderModelTest, NomicTakesLongerTextsOnDemandAndItsPrefixesByItself) {
  const std::string path = root_ + "/nomic.gguf";
  ASSERT_TRUE(WriteFileDurably(path, GgufOf("nomic_bert")).ok());
  const auto plain = LoadEmbedder(path, {}), longer = LoadEmbedder(path, {.max_tokens = 176});
  ASSERT_TRUE(plain.ok() && longer.ok()) << plain.status() << longer.status();
  EXPECT_EQ((*plain)->info().query_prefix, "search_query: ");
  EXPECT_EQ((*plain)->info().document_prefix, "search_document: ");
  EXPECT_EQ((*plain)->info().max_tokens, 44);
  EXPECT_EQ((*longer)->info().max_tokens, 176);
  EXPECT_NE((*plain)->info().fingerprint, (*longer)->info().fingerprint);
  const std::vector<std::string_view> texts = {"abc def",
                                               "abcdefghijklmnopqrs abcdefghijklmnopqrs abcdefghijklmnopqrs"};
  const auto b = (*longer)->Embed(texts, {}, CallContext());
  ASSERT_TRUE(b.ok()) << b.status();
  EXPECT_EQ((*b)[1].tokens_used, 59);
  EXPECT_EQ((*plain)->Embed(texts, {}, CallContext()).status().code(), absl::StatusCode::kInvalidArgument);
  // Within the trained length nothing changes.
  const auto a = (*plain)->Embed({texts.data(), 1}, {}, CallContext());
  ASSERT_TRUE(a.ok()) << a.status();
  EXPECT_TRUE(SameBits((*a)[0].vector, (*b)[0].vector));
  for (const int64_t wrong : {int64_t{-1}, int64_t{2}, int64_t{177}, int64_t{1} << 40}) {
    const auto refused = LoadEmbedder(path, {.max_tokens = wrong});
    EXPECT_EQ(refused.status().code(), absl::StatusCode::kInvalidArgument) << wrong;
    EXPECT_THAT(std::string(refused.status().message()), HasSubstr("3 to 176"));
  }
}

TEST_F(EncoderModelTest, EveryFamilyEmbedsAndAllOfItIsInTheFingerprint) {
  for (const char* family : {"roberta", "mpnet", "distilbert", "modernbert", "nomic_bert"}) {
    const auto embedder = LoadEmbedder(Folder(family), {});
    ASSERT_TRUE(embedder.ok()) << embedder.status();
    EXPECT_EQ((*embedder)->info().architecture, family);
    const auto vectors = (*embedder)->Embed(kTexts, {}, CallContext());
    ASSERT_TRUE(vectors.ok()) << vectors.status();
    for (size_t i = 0; i < kTexts.size(); ++i) {
      const auto alone = (*embedder)->Embed({&kTexts[i], 1}, {}, CallContext());
      EXPECT_TRUE(SameBits((*alone)[0].vector, (*vectors)[i].vector)) << family << " " << kTexts[i];
    }
  }
  const auto fingerprint = [&](const char* family, const char* key, const json& value) {
    const auto embedder =
        LoadEmbedder(Folder(family, [&](json* config, NamedTensors*) { (*config)[key] = value; }), {});
    EXPECT_TRUE(embedder.ok()) << embedder.status();
    return (*embedder)->info().fingerprint;
  };
  EXPECT_NE(fingerprint("nomic_bert", "rotary_emb_base", 1000), fingerprint("nomic_bert", "rotary_emb_base", 500));
  EXPECT_NE(fingerprint("nomic_bert", "rotary_scaling_factor", 2),
            fingerprint("nomic_bert", "rotary_scaling_factor", 3));
  EXPECT_NE(fingerprint("modernbert", "local_attention", 8), fingerprint("modernbert", "local_attention", 16));
}

TEST_F(EncoderModelTest, InspectionTellsWhatAnEncoderIs) {
  const std::string path = root_ + "/nomic.gguf";
  ASSERT_TRUE(WriteFileDurably(path, GgufOf("nomic_bert")).ok());
  const auto gguf = InspectModel(path);
  ASSERT_TRUE(gguf.ok()) << gguf.status();
  EXPECT_EQ(gguf->kind, "encoder");
  EXPECT_TRUE(gguf->supported) << gguf->reason;
  EXPECT_EQ(gguf->model.architecture, "nomic-bert");
  EXPECT_EQ(gguf->model.dimensions, 16);
  EXPECT_EQ(gguf->model.max_tokens, 44);
  EXPECT_THAT(gguf->description, HasSubstr("rotary positions: base 1000"));
  const auto folder = InspectModel(Folder("modernbert", [](json* config, NamedTensors*) {
    (*config)["architectures"] = {"ModernBertForTokenClassification"};
  }));
  ASSERT_TRUE(folder.ok()) << folder.status();
  EXPECT_TRUE(folder->supported) << folder->reason;
  EXPECT_THAT(folder->description, HasSubstr("head: TokenClassification, labels: 2"));
  const auto other =
      InspectModel(Folder("nomic_bert", [](json* config, NamedTensors*) { (*config)["num_experts"] = 8; }));
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_FALSE(other->supported);
  EXPECT_THAT(other->reason, HasSubstr("num_experts is 8"));
}

TEST_F(EncoderModelTest, ACrossEncoderScoresPairsAloneAsInABatch) {
  for (const char* family : {"bert", "roberta", "mpnet", "distilbert", "modernbert"}) {
    const auto loaded = LoadCrossEncoder(CrossFolder(family), {.check_weights = true});
    ASSERT_TRUE(loaded.ok()) << family << loaded.status();
    CrossEncoder& cross = **loaded;
    const auto all = cross.Score("abc", kTexts, LongInput::kError, CallContext());
    ASSERT_TRUE(all.ok()) << all.status();
    ASSERT_EQ(all->size(), kTexts.size());
    const int64_t frame = std::string(family) == "roberta" || std::string(family) == "mpnet" ? 4 : 3;
    for (size_t i = 0; i < kTexts.size(); ++i) {
      const auto alone = cross.Score("abc", {&kTexts[i], 1}, LongInput::kError, CallContext());
      EXPECT_EQ((*alone)[0].score, (*all)[i].score) << family << " " << kTexts[i];
      EXPECT_FALSE((*all)[i].truncated);
    }
    EXPECT_EQ((*all)[0].tokens_total, 3 + 6 + frame);
    EXPECT_NE((*all)[0].score, (*all)[2].score);
    EXPECT_TRUE(cross.Score("abc", {}, LongInput::kError, CallContext())->empty());
  }
}

TEST_F(EncoderModelTest, ALongPassageIsAnErrorCutOrScoredByWindows) {
  const auto cross = LoadCrossEncoder(CrossFolder("bert"), {});
  ASSERT_TRUE(cross.ok()) << cross.status();
  const std::string passage = "abcdefghijklmnopqrs abcdefghijklmnopqrs abcdefghijklmnopqrs";  // 57 tokens, 38 fit
  const std::vector<std::string_view> passages = {"a", passage};
  const auto error = (*cross)->Score("abc", passages, LongInput::kError, CallContext());
  EXPECT_EQ(error.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(error.status().message()), HasSubstr("passage 1 has 63 tokens"));
  const auto cut = (*cross)->Score("abc", passages, LongInput::kTruncate, CallContext());
  ASSERT_TRUE(cut.ok()) << cut.status();
  EXPECT_TRUE((*cut)[1].truncated);
  EXPECT_EQ((*cut)[1].tokens_total, 63);
  EXPECT_EQ((*cut)[1].tokens_used, 44);
  const auto split = (*cross)->Score("abc", passages, LongInput::kSplitAndPool, CallContext());
  ASSERT_TRUE(split.ok()) << split.status();
  EXPECT_FALSE((*split)[1].truncated);
  EXPECT_EQ((*split)[1].tokens_used, 63);
  EXPECT_EQ((*split)[0].score, (*cut)[0].score);
  const auto query = (*cross)->Score(passage, passages, LongInput::kTruncate, CallContext());
  EXPECT_EQ(query.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(query.status().message()), HasSubstr("half"));
  const CallContext call = CallContext::Make();
  call.Cancel();
  EXPECT_EQ((*cross)->Score("abc", passages, LongInput::kTruncate, call).status().code(), absl::StatusCode::kCancelled);
}

TEST_F(EncoderModelTest, ATokenClassifierGivesEveryTokenProbabilities) {
  const auto classifier = LoadTokenClassifier(Folder("xlm-roberta"), {.check_weights = true});
  ASSERT_TRUE(classifier.ok()) << classifier.status();
  EXPECT_EQ((*classifier)->labels().size(), 2u);
  const std::string longer = "abcdefghijklmnopqrs abcdefghijklmnopqrs abcdefghijklmnopqrs";
  std::vector<std::string_view> texts = kTexts;
  texts.push_back(longer);
  const auto all = (*classifier)->Classify(texts, CallContext());
  ASSERT_TRUE(all.ok()) << all.status();
  for (size_t i = 0; i < texts.size(); ++i) {
    const ClassifiedText& one = (*all)[i];
    ASSERT_EQ(one.probabilities.size(), 2 * one.tokens.size()) << texts[i];
    for (size_t t = 0; t < one.tokens.size(); ++t) {
      EXPECT_NEAR(one.probabilities[2 * t] + one.probabilities[2 * t + 1], 1, 1e-6);
      EXPECT_EQ(one.tokens[t].bytes.end - one.tokens[t].bytes.begin, 1);
    }
    EXPECT_EQ(one.windows, texts[i] == longer ? 2 : 1);
    const auto alone = (*classifier)->Classify({&texts[i], 1}, CallContext());
    EXPECT_TRUE(SameBits((*alone)[0].probabilities, one.probabilities)) << texts[i];
  }
  EXPECT_EQ(all->back().tokens.size(), 57u);
}

TEST_F(EncoderModelTest, ASparseEncoderGivesSortedWeightsAndTheBestOfAllWindows) {
  const auto loaded = LoadSparseEncoder(Folder("bert"), {.check_weights = true});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  SparseEncoder& sparse = **loaded;
  EXPECT_EQ(sparse.info().dimensions, 48);
  const auto all = sparse.Encode(kTexts, LongInput::kError, CallContext());
  ASSERT_TRUE(all.ok()) << all.status();
  for (size_t i = 0; i < kTexts.size(); ++i) {
    const auto alone = sparse.Encode({&kTexts[i], 1}, LongInput::kError, CallContext());
    ASSERT_EQ((*alone)[0].entries.size(), (*all)[i].entries.size());
    EXPECT_FALSE((*all)[i].entries.empty());
    for (size_t e = 0; e < (*all)[i].entries.size(); ++e) {
      EXPECT_EQ((*alone)[0].entries[e].token, (*all)[i].entries[e].token);
      EXPECT_EQ((*alone)[0].entries[e].weight, (*all)[i].entries[e].weight);
      EXPECT_GT((*all)[i].entries[e].weight, 0);
      if (e == 0) continue;
      EXPECT_GT((*all)[i].entries[e].token, (*all)[i].entries[e - 1].token);
    }
  }
  float expected = 0;
  for (const SparseEntry& a : (*all)[0].entries) {
    for (const SparseEntry& b : (*all)[3].entries) {
      if (a.token == b.token) expected += a.weight * b.weight;
    }
  }
  EXPECT_FLOAT_EQ(SparseDot((*all)[0], (*all)[3]), expected);

  const std::string longer = "abcdefghijklmnopqrs abcdefghijklmnopqrs abcdefghijklmnopqrs";
  const std::string_view view = longer;
  EXPECT_EQ(sparse.Encode({&view, 1}, LongInput::kError, CallContext()).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE((*sparse.Encode({&view, 1}, LongInput::kTruncate, CallContext()))[0].truncated);
  const auto split = sparse.Encode({&view, 1}, LongInput::kSplitAndPool, CallContext());
  ASSERT_TRUE(split.ok()) << split.status();
  EXPECT_EQ((*split)[0].tokens_used, 59);
}

TEST_F(EncoderModelTest, AModelWithoutTheHeadOrWithAnotherNumberOfLabelsIsRefused) {
  const std::string two = Folder("bert");
  const auto cross = LoadCrossEncoder(two, {});
  EXPECT_EQ(cross.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(cross.status().message()), HasSubstr("has 2 labels"));
  const auto labels = LoadTokenClassifier(Folder("mpnet",
                                                 [](json* config, NamedTensors*) {
                                                   (*config)["id2label"] = {{"0", "a"}, {"1", "b"}, {"2", "c"}};
                                                 }),
                                          {});
  EXPECT_EQ(labels.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(labels.status().message()), HasSubstr("names 3 labels"));
  const auto none =
      LoadSparseEncoder(Folder("bert",
                               [](json*, NamedTensors* tensors) {
                                 std::erase_if(*tensors, [](const auto& t) { return t.first.starts_with("cls."); });
                               }),
                        {});
  EXPECT_EQ(none.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(none.status().message()), HasSubstr("cls.predictions"));
  EXPECT_EQ(LoadSparseEncoder(Folder("modernbert"), {}).status().code(), absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace precis::engine
