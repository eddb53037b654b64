// Writes small valid inputs: fuzz_seeds FOLDER makes FOLDER/gguf, FOLDER/html and so on, one folder for each target.
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "engine/formats/gguf_writer.h"
#include "precis/base/file.h"

namespace {

std::string Gguf(uint32_t version, uint32_t alignment) {
  precis::engine::GgufWriter writer(version, alignment);
  writer.Add("general.architecture", "llama");
  writer.Add("llama.block_count", uint32_t{2});
  writer.Add("llama.rope.freq_base", 10000.0f);
  writer.Add("big", uint64_t{1} << 40);
  writer.Add("double", 0.5);
  writer.Add("small", int8_t{-1});
  writer.Add("flag", true);
  writer.Add("tokens", std::vector<std::string>{"<s>", "a", "bc"});
  writer.Add("scores", std::vector<float>{0, -1, -2});
  writer.Add("types", std::vector<int32_t>{3, 1, 1});
  writer.AddBools("flags", {0, 1});
  writer.AddTensor("norm", {4}, std::vector<float>(4, 1.0f));
  for (uint32_t number = 0; number < 64; ++number) {
    const auto* type = precis::engine::FindTensorType(number);
    if (type == nullptr) continue;
    writer.AddTensor(type->name, type->type, {2, type->block_elements}, std::string(2 * type->block_bytes, '\1'));
  }
  return writer.Finish();
}

std::string Safetensors(std::string_view header, size_t data_bytes) {
  const uint64_t length = header.size();
  std::string out(sizeof length, '\0');
  std::memcpy(out.data(), &length, sizeof length);
  return out.append(header).append(data_bytes, '\1');
}

constexpr std::string_view kTensors =
    R"({"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[2,3],"data_offsets":[16,40]},)"
    R"("ids":{"dtype":"I64","shape":[1,2],"data_offsets":[0,16]},"h":{"dtype":"BF16","shape":[],"data_offsets":[40,42]}})";

constexpr std::string_view kConfig =
    R"({"model_type":"bert","architectures":["BertModel"],"hidden_size":32,"num_hidden_layers":2,)"
    R"("num_attention_heads":4,"intermediate_size":64,"max_position_embeddings":128,"vocab_size":100,)"
    R"("type_vocab_size":2,"layer_norm_eps":1e-12,"hidden_act":"gelu","position_embedding_type":"absolute"})";
constexpr std::string_view kModules =
    R"([{"idx":0,"path":"","type":"sentence_transformers.models.Transformer"},)"
    R"({"idx":1,"path":"1_Pooling","type":"sentence_transformers.models.Pooling"},)"
    R"({"idx":2,"path":"2_Normalize","type":"sentence_transformers.models.Normalize"}])";
constexpr std::string_view kPooling =
    R"({"word_embedding_dimension":32,"pooling_mode_cls_token":false,"pooling_mode_mean_tokens":true})";
constexpr std::string_view kSentenceBert = R"({"max_seq_length":64,"do_lower_case":false})";

constexpr std::string_view kBpe =
    R"({"added_tokens":[{"id":3,"content":"<s>","special":true}],"normalizer":{"type":"Sequence","normalizers":[)"
    R"({"type":"NFC"},{"type":"Replace","pattern":{"String":" "},"content":"\u2581"}]},"pre_tokenizer":{"type":)"
    R"("Digits","individual_digits":true},"post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":)"
    R"({"id":"<s>"}},{"Sequence":{"id":"A"}}],"special_tokens":{"<s>":{"ids":[3]}}},"decoder":{"type":"Fuse"},)"
    R"("model":{"type":"BPE","unk_token":"?","fuse_unk":true,"vocab":{"a":0,"b":1,"ab":2,"?":4,"\u2581":5},)"
    R"("merges":["a b"]}})";
constexpr std::string_view kWordPiece =
    R"({"normalizer":{"type":"BertNormalizer","lowercase":true},"pre_tokenizer":{"type":"BertPreTokenizer"},)"
    R"("decoder":{"type":"WordPiece","prefix":"##"},"model":{"type":"WordPiece","unk_token":"[UNK]",)"
    R"("max_input_chars_per_word":100,"vocab":{"[UNK]":0,"a":1,"##b":2,"12":3}}})";
// The charsmap is of charsmap.py: the ligature fi, "a" becomes "b" and "b" nothing.
constexpr std::string_view kUnigram =
    R"({"normalizer":{"type":"Sequence","normalizers":[{"type":"Precompiled","precompiled_charsmap":)"
    R"("vAMAAAAEAAAAAAAAAQAAgAAAAIAAAAAAAAAAAAMAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA)"
    R"(AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA)"
    R"(AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA)"
    R"(AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA)"
    R"(AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA)"
    R"(AAAAAAAAAAAAAAAAAGGJAQAAAAAAAAAAAGKBAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA)"
    R"(AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA)"
    R"(AAAAAAAAAIEJAgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA)"
    R"(AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA)"
    R"(AKy0AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA)"
    R"(AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA)"
    R"(AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA)"
    R"(AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAADvqAMAAGIAZmkA"},{"type":"Replace","pattern":{"Regex":" {2,}"},"content":" "}]},)"
    R"("pre_tokenizer":{"type":"Metaspace","prepend_scheme":"always"},"decoder":{"type":"Metaspace"},)"
    R"("model":{"type":"Unigram","unk_id":0,"vocab":[["<unk>",0],["\u2581a",-1.5],["b",-2],["\u2581",-3]]}})";
constexpr std::string_view kByteLevel =
    R"({"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":true},"decoder":{"type":"ByteLevel"},)"
    R"("model":{"type":"BPE","ignore_merges":true,"vocab":{"a":0,"b":1,"\u0120":2,"\u0120a":3},"merges":[["\u0120","a"]]}})";

constexpr std::string_view kHtml =
    "<!doctype html><html lang=en><head><title>T &amp; U</title><meta charset=utf-8></head><body><nav>skip</nav><h1>One"
    "</h1><p>A <b>bold</b> word&nbsp;<a href='#x'>link</a>.<ul><li>x<li>y</ul><pre>  code\n</pre><table><tr><th>a<th>b"
    "<tr><td>1<td>2</table><script>no()</script><h2 id=x>Two</h2>text</body></html>";
constexpr std::string_view kMarkdown =
    "---\ntitle: \"T\"\n---\n# One\n\ntext *em* `code`\n\n```py\n# no heading\n```\n\nTwo\n---\n\n| a | b "
    "|\n|---|---|\n"
    "| 1 | 2 |\n\n- x\n  - y\n\n> quote. Dr. A. B. said 3.5. Next one! Yes?\n";
constexpr std::string_view kJson = R"({"a":{"b":[1,2.5e3,true,null,"x\u00e9\n"]},"":"","long":"some text. And more."})";
constexpr std::string_view kJsonLines = "{\"a\":1}\n{\"a\":\"two\",\"b\":[]}\n\n{\"c\":{\"d\":null}}\n";
constexpr std::string_view kCsv = "name,\"a \"\"b\"\"\",c\r\nx,\"1\n2\",\r\ny;z,,3\n";

bool Put(const std::string& folder, const std::string& name, const std::string& content) {
  absl::Status status = precis::MakeFolders(folder);
  if (status.ok()) status = precis::WriteFileDurably(folder + "/" + name, content);
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return status.ok();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: fuzz_seeds FOLDER\n");
    return 1;
  }
  const std::string folder = argv[1];
  std::string config(kConfig);
  const std::string bare = config;
  for (std::string_view part : {kModules, kPooling, kSentenceBert}) config.append(1, '\0').append(part);
  const bool good =
      Put(folder + "/gguf", "v3", Gguf(3, 32)) && Put(folder + "/gguf", "v2", Gguf(2, 8)) &&
      Put(folder + "/safetensors", "small", Safetensors(kTensors, 42)) &&
      Put(folder + "/safetensors", "empty", Safetensors("{}", 0)) && Put(folder + "/hf_config", "whole", config) &&
      Put(folder + "/hf_config", "bare", bare) && Put(folder + "/tokenizer_json", "bpe", std::string(kBpe)) &&
      Put(folder + "/tokenizer_json", "wordpiece", std::string(kWordPiece)) &&
      Put(folder + "/tokenizer_json", "unigram", std::string(kUnigram) + std::string("\0a b  a", 7)) &&
      Put(folder + "/tokenizer_json", "byte_level", std::string(kByteLevel)) &&
      Put(folder + "/html", "page", std::string(kHtml)) && Put(folder + "/markdown", "page", std::string(kMarkdown)) &&
      Put(folder + "/json", "object", std::string(kJson)) &&
      Put(folder + "/jsonl", "records", std::string(kJsonLines)) && Put(folder + "/csv", "table", std::string(kCsv)) &&
      Put(folder + "/split", "prose", "\x28\x04" + std::string(kMarkdown)) &&
      Put(folder + "/split", "markdown", "\x29\x04" + std::string(kMarkdown)) &&
      Put(folder + "/split", "code", std::string("\x2A\0", 2) + "def f():\n    return 1\n\nclass A:\n  x = 2\n") &&
      Put(folder + "/pdf_frames", "frames",
          std::string("N\1\0\0\0"
                      "1"
                      "P\2\0\0\0hi"
                      "D\0\0\0\0",
                      18));
  return good ? 0 : 1;
}
