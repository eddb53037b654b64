// Generation through a daemon with our own engine and made-up models: crowds, clients that stall, drafts, limits,
// damage.
#include <malloc.h>

#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "../engine/decoder/byte_tokenizer.h"
#include "../engine/formats/safetensors_writer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "models/model_source.h"
#include "precis/v1/admin.grpc.pb.h"
#include "precis/v1/generation.grpc.pb.h"
#include "test_stack.h"

namespace precis::services {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// A Llama of random weights over bytes, as a Hugging Face folder.
struct MadeUp {
  int64_t layers = 2, hidden = 64, ffn = 96, context = 32768;
  std::string nan_tensor;
};

void WriteModel(const std::string& folder, const MadeUp& m) {
  std::filesystem::create_directories(folder);
  engine::SafetensorsWriter writer;
  uint32_t state = 12345;
  const auto add = [&](const std::string& name, const std::vector<int64_t>& shape, float middle, float spread) {
    std::vector<float> values(static_cast<size_t>(shape.size() == 2 ? shape[0] * shape[1] : shape[0]));
    // No token past the bytes is ever the best: texts have the length that was asked for.
    const size_t live = name.find("embed") == std::string::npos ? values.size() : static_cast<size_t>(256 * m.hidden);
    for (size_t i = 0; i < live; ++i) {
      state = state * 1664525u + 1013904223u;
      values[i] = middle + spread * (static_cast<float>(state >> 8) / 8388608.0f - 1.0f);
    }
    if (name == m.nan_tensor) values[values.size() / 2] = std::numeric_limits<float>::quiet_NaN();
    writer.AddTensor(name, "F32", shape, {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)});
  };
  add("model.embed_tokens.weight", {300, m.hidden}, 0, 1);
  add("model.norm.weight", {m.hidden}, 1, 0.3f);
  for (int64_t l = 0; l < m.layers; ++l) {
    const std::string p = "model.layers." + std::to_string(l) + ".";
    add(p + "input_layernorm.weight", {m.hidden}, 1, 0.3f);
    add(p + "post_attention_layernorm.weight", {m.hidden}, 1, 0.3f);
    add(p + "self_attn.q_proj.weight", {m.hidden, m.hidden}, 0, 0.3f);
    add(p + "self_attn.k_proj.weight", {m.hidden / 2, m.hidden}, 0, 0.3f);
    add(p + "self_attn.v_proj.weight", {m.hidden / 2, m.hidden}, 0, 0.3f);
    add(p + "self_attn.o_proj.weight", {m.hidden, m.hidden}, 0, 0.3f);
    add(p + "mlp.gate_proj.weight", {m.ffn, m.hidden}, 0, 0.3f);
    add(p + "mlp.up_proj.weight", {m.ffn, m.hidden}, 0, 0.3f);
    add(p + "mlp.down_proj.weight", {m.hidden, m.ffn}, 0, 0.3f);
  }
  const nlohmann::json config = {{"model_type", "llama"},
                                 {"architectures", {"LlamaForCausalLM"}},
                                 {"hidden_act", "silu"},
                                 {"hidden_size", m.hidden},
                                 {"intermediate_size", m.ffn},
                                 {"num_hidden_layers", m.layers},
                                 {"num_attention_heads", 4},
                                 {"num_key_value_heads", 2},
                                 {"max_position_embeddings", m.context},
                                 {"vocab_size", 300},
                                 {"rms_norm_eps", 1e-5},
                                 {"tie_word_embeddings", true},
                                 {"eos_token_id", 299}};
  const auto put = [&](const char* name, const std::string& content) {
    std::ofstream(folder + "/" + name, std::ios::binary) << content;
  };
  put("config.json", config.dump());
  put("tokenizer.json", engine::ByteTokenizerJson({"<|endoftext|>", "<|im_start|>", "<|im_end|>"}));
  put("model.safetensors", writer.Finish());
}

struct Text {
  grpc::Status status;
  std::string text;
  int64_t tokens = 0;
};

class Generation : public ::testing::Test {
 protected:
  Generation() {
    WriteModel(Models() + "/tiny", {});
    WriteModel(Models() + "/small", {.layers = 1, .ffn = 48});
  }
  std::string Models() const { return folder_.path() + "/models"; }
  std::unique_ptr<Daemon> Start(std::vector<std::string> flags, const std::string& data = "data") {
    flags.insert(flags.begin(), {"--models-dir=" + Models(), "--generator=tiny", "--threads=1"});
    Config config = TestConfig(folder_.path() + "/" + data, flags);
    const std::string models = config.models_dir;
    auto daemon = Daemon::Start(std::move(config), EngineModels(models));
    EXPECT_TRUE(daemon.ok()) << daemon.status();
    return daemon.ok() ? *std::move(daemon) : nullptr;
  }
  static v1::GenerateRequest Request(const std::string& prompt, int max_tokens, const std::string& model = "") {
    v1::GenerateRequest request;
    request.set_prompt(prompt);
    request.set_max_tokens(max_tokens);
    request.set_model(model);
    return request;
  }
  static Text Generate(const std::shared_ptr<grpc::Channel>& channel, const v1::GenerateRequest& request) {
    grpc::ClientContext context;
    const auto stub = v1::GenerationService::NewStub(channel);
    const auto stream = stub->Generate(&context, request);
    Text text;
    v1::GenerateResponse event;
    while (stream->Read(&event)) {
      text.text += event.delta().text();
      if (event.has_done()) text.tokens = event.done().usage().completion_tokens();
    }
    text.status = stream->Finish();
    return text;
  }
  static bool Idle(const std::shared_ptr<grpc::Channel>& channel) {
    grpc::ClientContext context;
    v1::StatsResponse stats;
    if (!v1::AdminService::NewStub(channel)->Stats(&context, {}, &stats).ok()) return false;
    for (const v1::RoleStats& role : stats.roles()) {
      for (const v1::QueueStats& queue : role.queues()) {
        if (queue.waiting_count() + queue.running_count() > 0) return false;
      }
    }
    return true;
  }

  TempFolder folder_;
};

// Counts calls down.
class Countdown {
 public:
  explicit Countdown(int calls) : left_(calls) {}
  void Done() {
    std::lock_guard<std::mutex> lock(mutex_);
    if (--left_ == 0) zero_.notify_all();
  }
  bool Wait(std::chrono::seconds most) {
    std::unique_lock<std::mutex> lock(mutex_);
    return zero_.wait_for(lock, most, [this] { return left_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable zero_;
  int left_;
};

// A call that needs no thread.
class Reading final : public grpc::ClientReadReactor<v1::GenerateResponse> {
 public:
  Reading(v1::GenerationService::Stub* stub, v1::GenerateRequest request, Countdown* countdown)
      : request_(std::move(request)), countdown_(countdown) {
    stub->async()->Generate(&context_, &request_, this);
    StartRead(&event_);
    StartCall();
  }
  void OnReadDone(bool ok) override {
    if (!ok) return;
    done_ |= event_.has_done();
    StartRead(&event_);
  }
  void OnDone(const grpc::Status& status) override {
    status_ = status;
    countdown_->Done();
  }
  const grpc::Status& status() const { return status_; }
  bool done() const { return done_; }

 private:
  grpc::ClientContext context_;
  v1::GenerateRequest request_;
  v1::GenerateResponse event_;
  Countdown* const countdown_;
  bool done_ = false;
  grpc::Status status_;
};

// Without what the allocator has kept for later.
int64_t ResidentBytes() {
  malloc_trim(0);
  std::ifstream in("/proc/self/statm");
  int64_t total = 0, resident = 0;
  in >> total >> resident;
  return resident * 4096;
}

TEST_F(Generation, OfAThousandAtOnceEachIsAnsweredOrToldTheLimit) {
  const auto daemon = Start({"--queue-limit=64", "--generator-workers=4", "--max-streams=2000"});
  ASSERT_NE(daemon, nullptr);
  const auto channel = Dial(daemon->address());
  const auto stub = v1::GenerationService::NewStub(channel);
  ASSERT_TRUE(Generate(channel, Request("warm", 2)).status.ok());
  int64_t resident[3];
  for (int round = 0; round < 3; ++round) {
    Countdown countdown(1000);
    std::vector<std::unique_ptr<Reading>> calls;
    for (int i = 0; i < 1000; ++i) {
      calls.push_back(std::make_unique<Reading>(stub.get(), Request(std::to_string(i % 50), 60), &countdown));
    }
    ASSERT_TRUE(countdown.Wait(std::chrono::seconds(60))) << "a call hangs";
    int answered = 0, refused = 0;
    for (const auto& call : calls) {
      if (call->status().ok()) {
        ++answered;
        EXPECT_TRUE(call->done());
        continue;
      }
      EXPECT_EQ(call->status().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << call->status().error_message();
      EXPECT_THAT(call->status().error_message(), HasSubstr("64"));
      ++refused;
    }
    EXPECT_EQ(answered + refused, 1000);
    EXPECT_GE(answered, 64);
    EXPECT_GT(refused, 0);
    calls.clear();
    EXPECT_TRUE(Eventually([&] { return Idle(channel); }));
    resident[round] = ResidentBytes();
  }
  // The first crowd grows pools and arenas; after that nothing stays behind.
  EXPECT_LT(resident[2] - resident[1], 16 << 20);
}

TEST_F(Generation, AClientThatReadsOnceAndStallsHoldsNobodyUpAndEndsWithItsDeadline) {
  WriteModel(Models() + "/slow", {.layers = 8});  // 32,000 tokens of it take many seconds
  const auto daemon = Start({"--generator-workers=2", "--generator=slow"});
  ASSERT_NE(daemon, nullptr);
  const auto channel = Dial(daemon->address()), other = Dial(daemon->address());
  ASSERT_TRUE(Generate(other, Request("warm", 2)).status.ok());
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(2));
  const auto stub = v1::GenerationService::NewStub(channel);
  const auto stalled = stub->Generate(&context, Request("on and on", 32000));
  v1::GenerateResponse event;
  ASSERT_TRUE(stalled->Read(&event));
  // It reads no more. The others have what they want while it runs.
  for (int i = 0; i < 5; ++i) {
    const Text text = Generate(other, Request(std::to_string(i), 20));
    EXPECT_TRUE(text.status.ok()) << text.status.error_message();
    EXPECT_EQ(text.tokens, 20);
  }
  // And its place is free once its deadline has passed, though nobody has read the rest.
  EXPECT_TRUE(Eventually([&] { return Idle(other); }));
  while (stalled->Read(&event)) EXPECT_FALSE(event.has_done());
  EXPECT_EQ(stalled->Finish().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
}

TEST_F(Generation, DraftsOfAnotherModelChangeNoText) {
  const auto plain = Start({"--speculation=off"}), drafted = Start({"--draft-model=small"}, "data2");
  ASSERT_TRUE(plain != nullptr && drafted != nullptr);
  const auto a = Dial(plain->address()), b = Dial(drafted->address());
  for (int seed = 0; seed < 6; ++seed) {
    v1::GenerateRequest request = Request("abcabc abcabc " + std::to_string(seed), 80);
    if (seed > 0) {
      request.mutable_sampling()->set_temperature(0.7f);
      request.mutable_sampling()->set_seed(static_cast<uint64_t>(seed));
    }
    const Text without = Generate(a, request), with = Generate(b, request);
    ASSERT_TRUE(without.status.ok() && with.status.ok())
        << without.status.error_message() << with.status.error_message();
    EXPECT_EQ(with.text, without.text);
    EXPECT_EQ(with.tokens, 80);
  }
}

TEST_F(Generation, TwoModelsAtOnceAnswerAsEachAlone) {
  const auto daemon = Start({"--kv-type=int8"});
  ASSERT_NE(daemon, nullptr);
  const auto channel = Dial(daemon->address());
  const auto text = [&](const char* model) { return Generate(channel, Request("together", 200, model)).text; };
  const std::string tiny = text("tiny"), small = text("small");
  EXPECT_EQ(tiny.empty() || small.empty(), false);
  EXPECT_NE(tiny, small);
  std::string again[2];
  std::thread thread([&] { again[0] = text("tiny"); });
  again[1] = text("small");
  thread.join();
  EXPECT_EQ(again[0], tiny);
  EXPECT_EQ(again[1], small);
}

TEST_F(Generation, MaxTokensPastItsBoundsIsNamed) {
  const auto daemon = Start({});
  ASSERT_NE(daemon, nullptr);
  const auto channel = Dial(daemon->address());
  const grpc::Status most = Generate(channel, Request("x", 2147483647)).status;
  EXPECT_EQ(most.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(most.error_message(), AllOf(HasSubstr("2147483647"), HasSubstr("32768")));
  // 2^31 does not fit the field: as a client in another language may send it, it is negative.
  const grpc::Status negative = Generate(channel, Request("x", static_cast<int>(2147483648u))).status;
  EXPECT_EQ(negative.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(negative.error_message(), AllOf(HasSubstr("max_tokens"), HasSubstr("-2147483648")));
  const Text usual = Generate(channel, Request("x", 0));  // the contract's default
  EXPECT_TRUE(usual.status.ok()) << usual.status.error_message();
  EXPECT_EQ(usual.tokens, 512);
}

TEST_F(Generation, WeightsThatAreNoNumbersAreNamed) {
  WriteModel(Models() + "/damaged", {.nan_tensor = "model.layers.1.mlp.up_proj.weight"});
  const auto checked = Start({"--check-weights"}), unchecked = Start({}, "data2");
  ASSERT_TRUE(checked != nullptr && unchecked != nullptr);
  const grpc::Status named = Generate(Dial(checked->address()), Request("x", 3, "damaged")).status;
  EXPECT_EQ(named.error_code(), grpc::StatusCode::DATA_LOSS) << named.error_message();
  EXPECT_THAT(named.error_message(), HasSubstr("'model.layers.1.mlp.up_proj.weight'"));
  EXPECT_TRUE(Generate(Dial(checked->address()), Request("x", 3)).status.ok());
  const grpc::Status seen = Generate(Dial(unchecked->address()), Request("x", 3, "damaged")).status;
  EXPECT_EQ(seen.error_code(), grpc::StatusCode::INTERNAL) << seen.error_message();
  EXPECT_THAT(seen.error_message(), HasSubstr("'damaged'"));
}

TEST_F(Generation, AnIdleModelIsFreedAndComesBack) {
  const auto daemon = Start({"--unload-after-ms=1"});
  ASSERT_NE(daemon, nullptr);
  const auto channel = Dial(daemon->address());
  const Text first = Generate(channel, Request("x", 20));
  ASSERT_TRUE(first.status.ok());
  const auto stub = v1::GenerationService::NewStub(channel);
  EXPECT_TRUE(Eventually([&] {
    grpc::ClientContext context;
    v1::ListModelsResponse models;
    if (!stub->ListModels(&context, {}, &models).ok()) return false;
    for (const v1::Model& model : models.models()) {
      if (model.name() == "tiny") return model.memory_bytes() == 0;
    }
    return false;
  }));
  EXPECT_EQ(Generate(channel, Request("x", 20)).text, first.text);
}

}  // namespace
}  // namespace precis::services
