// The role `generator`: language models.
#include <utility>

#include "absl/strings/str_cat.h"
#include "roles/generation_service.h"
#include "roles/open_role.h"
#include "runtime/log.h"

namespace precis::services {
namespace {

class GeneratorRole final : public RoleHost {
 public:
  explicit GeneratorRole(const RoleContext& context)
      : context_(context),
        generators_(context.models, context.config),
        executor_("generator", static_cast<int>(context.config.generator_workers),
                  static_cast<int>(context.config.queue_limit)),
        load_executor_("generator-models", 2, static_cast<int>(context.config.queue_limit)),
        info_executor_("generator-info", 2, static_cast<int>(context.config.queue_limit)),
        host_{"generator", &executor_, &context.metrics, context.config.max_message_bytes,
              !context.config.roles.Has(Role::kGateway)},
        load_host_{"generator", &load_executor_, &context.metrics, context.config.max_message_bytes, host_.log_calls},
        info_host_{"generator", &info_executor_, &context.metrics, context.config.max_message_bytes, host_.log_calls},
        service_(generators_, host_, load_host_, info_host_) {
    context_.metrics.AddSource([this] {
      std::vector<Sample> samples;
      AppendQueueSamples(executor_.stats(), &samples);
      AppendQueueSamples(load_executor_.stats(), &samples);
      AppendQueueSamples(info_executor_.stats(), &samples);
      samples.push_back({"precis_models_loaded", {}, static_cast<double>(generators_.loaded().Names().size()), false});
      return samples;
    });
  }

  ~GeneratorRole() override { Drain(); }

  Role role() const override { return Role::kGenerator; }
  std::vector<grpc::Service*> services() override { return {&service_}; }
  std::vector<std::pair<std::string, bool>> Health() override {
    return {{"precis.v1.GenerationService", generators_.Default().ok()}};
  }

  void Start() override {
    const auto found = generators_.Default();
    if (!found.ok()) return Complain(found.status());
    if (!found->notice.empty()) Log(LogLevel::kWarn, "generator", {{"message", found->notice}});
    // The first question should not wait for the load; a call that comes meanwhile waits for this one.
    const absl::Status accepted = load_executor_.Submit([this, name = found->name] {
      if (const auto loaded = generators_.Get(name); !loaded.ok()) Complain(loaded.status());
    });
    if (!accepted.ok()) Complain(accepted);
  }

  void Stats(const std::string&, v1::RoleStats* stats, v1::StatsResponse*) override {
    FillQueue(executor_.stats(), stats);
    FillQueue(load_executor_.stats(), stats);
    FillQueue(info_executor_.stats(), stats);
    const auto found = generators_.Default();
    if (!found.ok()) {
      stats->set_detail(std::string(found.status().message()));
      return;
    }
    const ModelStatus status = generators_.loaded().Status(found->name);
    const char* state = status.state == ModelState::kLoaded    ? "loaded"
                        : status.state == ModelState::kLoading ? "loading"
                        : status.state == ModelState::kFailed  ? "could not be loaded: "
                                                               : "loads with the next call";
    stats->set_detail(absl::StrCat("generator ", found->name, " ", state, status.detail,
                                   found->notice.empty() ? "" : "; ", found->notice));
  }

  void Drain() override {
    executor_.Drain();
    load_executor_.Drain();
    info_executor_.Drain();
    generators_.StopIdleTimer();
  }

 private:
  static void Complain(const absl::Status& status) {
    Log(LogLevel::kError, "generator",
        {{"message", std::string_view(status.message().data(), status.message().size())}});
  }

  const RoleContext& context_;
  Generators generators_;
  Executor executor_, load_executor_, info_executor_;
  const Host host_, load_host_, info_host_;
  GenerationService service_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<RoleHost>> OpenGeneratorRole(const RoleContext& context) {
  return std::make_unique<GeneratorRole>(context);
}

}  // namespace precis::services
