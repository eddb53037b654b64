// Ids and decoded texts equal those of the reference; golden/make_golden.py wrote the files and says how.
#include <zlib.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "precis/base/file.h"
#include "tests/engine/tokenizers/test_models.h"

namespace precis::engine {
namespace {

std::string Unpack(const std::string& packed) {
  std::string out(16 << 20, '\0');
  uLongf size = out.size();
  const int code = uncompress(reinterpret_cast<Bytef*>(out.data()), &size,
                              reinterpret_cast<const Bytef*>(packed.data()), packed.size());
  EXPECT_EQ(code, Z_OK);
  out.resize(code == Z_OK ? size : 0);
  return out;
}

uint32_t Fnv(std::string_view bytes) {
  uint32_t value = 0x811C9DC5;
  for (const char byte : bytes) value = (value ^ static_cast<uint8_t>(byte)) * 0x01000193;
  return value == 0 ? 1 : value;
}

uint32_t HashOf(const std::vector<TokenId>& ids) {
  return Fnv({reinterpret_cast<const char*>(ids.data()), ids.size() * sizeof(TokenId)});
}

class Golden : public testing::TestWithParam<const char*> {};

TEST_P(Golden, IdsAndDecodedTextEqualTheReference) {
  const auto tokenizer = LoadForTest(GetParam());
  if (tokenizer == nullptr) GTEST_SKIP() << "the model " << GetParam() << " is not installed";
  const auto file = ReadFile(GoldenFolder() + "/" + GetParam() + ".golden.z", 1 << 20);
  ASSERT_TRUE(file.ok()) << file.status();
  const std::string records = Unpack(*file);
  const auto number = [&](size_t at) {
    uint32_t value = 0;
    std::memcpy(&value, records.data() + at, sizeof value);
    return value;
  };
  int texts = 0;
  int wrong = 0;
  for (size_t at = 0; at + 16 <= records.size() && wrong < 5; ++texts) {
    const uint32_t length = number(at);
    ASSERT_LE(at + 16 + length, records.size());
    const std::string_view text(records.data() + at + 4, length);
    at += 4 + length;
    const auto plain = tokenizer->Encode(text, {});
    const auto special = tokenizer->Encode(text, {.add_special = true, .parse_special = true});
    ASSERT_TRUE(plain.ok() && special.ok());
    const auto decoded = tokenizer->Decode(*plain, true);
    ASSERT_TRUE(decoded.ok());
    const bool same = HashOf(*plain) == number(at) && HashOf(*special) == number(at + 4) &&
                      (number(at + 8) == 0 || Fnv(*decoded) == number(at + 8));
    EXPECT_TRUE(same) << "text " << texts << ": " << text.substr(0, 200) << "\ndecoded: " << decoded->substr(0, 200);
    wrong += same ? 0 : 1;
    at += 12;
  }
  EXPECT_GT(texts, 1000);
}

INSTANTIATE_TEST_SUITE_P(Models, Golden,
                         testing::Values("all-minilm-l6-v2", "smollm2-135m-instruct", "qwen2.5-coder-0.5b-instruct",
                                         "gemma-3-270m", "xlm-roberta", "t5", "tiny-unigram", "tiny-llama",
                                         "tiny-roberta", "tiny-cased", "tiny-xlmr", "tiny-graphemes"),
                         [](const auto& info) {
                           std::string name = info.param;
                           for (char& c : name) c = c == '-' || c == '.' ? '_' : c;
                           return name;
                         });

}  // namespace
}  // namespace precis::engine
