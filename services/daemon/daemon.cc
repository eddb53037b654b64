#include "daemon/daemon.h"

#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gateway/gateway.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/health_check_service_interface.h"
#include "precis/base/status_macros.h"
#include "roles/admin_service.h"
#include "roles/erasure_service.h"
#include "roles/open_role.h"
#include "runtime/log.h"

namespace precis::services {
namespace {

// How often the health of services follows what their roles say (a model that was fetched meanwhile).
constexpr absl::Duration kHealthInterval = absl::Milliseconds(500);
// Time for load balancers to see NOT_SERVING before connections close.
constexpr absl::Duration kLameDuck = absl::Milliseconds(100);

void SetUpBuilder(const Config& config, grpc::ServerBuilder* builder) {
  builder->SetMaxReceiveMessageSize(static_cast<int>(config.max_message_bytes));
  builder->SetMaxSendMessageSize(static_cast<int>(config.max_message_bytes));
  builder->AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, static_cast<int>(config.max_streams));
  // Else a second server would share the port in silence.
  builder->AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
}

void SetHealth(grpc::Server* server, const std::string& service, bool serving) {
  if (auto* health = server->GetHealthCheckService()) health->SetServingStatus(service, serving);
}

}  // namespace

struct Daemon::Parts {
  Parts(Config config_in, ModelSource models_in)
      : config(std::move(config_in)), models(std::move(models_in)), channels(config) {}
  ~Parts() {
    StopWatching();
    metrics.StopCollecting();  // before the roles, which the sources are of, go
  }

  // Builds and starts; the port that was bound replaces that of `listen`.
  absl::Status Listen(grpc::ServerBuilder* builder, std::unique_ptr<grpc::Server>* server) {
    int port = 0;
    builder->AddListeningPort(config.listen, grpc::InsecureServerCredentials(), &port);
    *server = builder->BuildAndStart();
    if (*server == nullptr || port == 0) {
      return absl::UnavailableError(absl::StrCat("cannot listen on ", config.listen,
                                                 ": the address is in use or not of this machine; choose another with "
                                                 "--listen=HOST:PORT"));
    }
    address = absl::StrCat(config.listen.substr(0, config.listen.rfind(':')), ":", port);
    return absl::OkStatus();
  }

  Config config;
  ModelSource models;
  Metrics metrics;
  Channels channels;
  RoleContext context{config, models, channels, metrics};
  std::vector<std::unique_ptr<RoleHost>> roles;
  std::unique_ptr<RoleAdminService> admin;
  std::unique_ptr<ErasureService> erasure;
  std::unique_ptr<Gateway> gateway;
  std::unique_ptr<grpc::Server> inner;  // the roles' services; with the gateway here it has no port
  std::unique_ptr<grpc::Server> front;  // the gateway's; null without it
  std::string address;
  bool stopped = false;

  // What clients reach.
  grpc::Server* outer() { return front != nullptr ? front.get() : inner.get(); }
  void UpdateHealth() {
    for (const auto& role : roles) {
      for (const auto& [service, serving] : role->Health()) SetHealth(outer(), service, serving);
    }
  }
  void WatchHealth() {
    std::unique_lock<std::mutex> lock(mutex);
    while (!wake.wait_for(lock, absl::ToChronoMilliseconds(kHealthInterval), [this] { return stopping; }))
      UpdateHealth();
  }
  void StopWatching() {
    {
      std::lock_guard<std::mutex> lock(mutex);
      stopping = true;
    }
    wake.notify_all();
    if (health_watch.joinable()) health_watch.join();
  }
  std::mutex mutex;
  std::condition_variable wake;
  bool stopping = false;
  std::thread health_watch;
};

absl::StatusOr<std::unique_ptr<Daemon>> Daemon::Start(Config config, ModelSource models) {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  auto parts = std::make_unique<Parts>(std::move(config), std::move(models));
  const Config& settings = parts->config;

  if (!settings.metrics_listen.empty()) {
    if (const absl::Status served = parts->metrics.Serve(settings.metrics_listen); !served.ok()) {
      // Several processes on one machine have one default; who names the address wants it.
      if (settings.WasSet("metrics-listen")) return served;
      Log(LogLevel::kWarn, "metrics",
          {{"message", std::string_view(served.message().data(), served.message().size())}});
    }
  }
  std::vector<RoleHost*> role_pointers;
  for (Role role : kAllRoles) {
    if (role == Role::kGateway || !settings.roles.Has(role)) continue;
    PRECIS_ASSIGN_OR_RETURN(auto opened, OpenRole(role, parts->context));
    role_pointers.push_back(opened.get());
    parts->roles.push_back(std::move(opened));
  }

  const bool has_gateway = settings.roles.Has(Role::kGateway);
  if (!parts->roles.empty()) {
    parts->admin = std::make_unique<RoleAdminService>(role_pointers, parts->context);
    grpc::ServerBuilder builder;
    SetUpBuilder(settings, &builder);
    std::vector<std::shared_ptr<cache::TaggedCache>> caches;
    std::vector<std::shared_ptr<cache::NamedStore>> stores;
    for (const auto& role : parts->roles) {
      for (grpc::Service* service : role->services()) builder.RegisterService(service);
      for (auto& cache : role->caches()) caches.push_back(std::move(cache));
      for (auto& store : role->named_stores()) stores.push_back(std::move(store));
    }
    builder.RegisterService(parts->admin.get());
    if (!caches.empty() || !stores.empty()) {
      parts->erasure = std::make_unique<ErasureService>(std::move(caches), std::move(stores), parts->metrics);
      builder.RegisterService(parts->erasure.get());
    }
    if (has_gateway) {
      parts->inner = builder.BuildAndStart();
      if (parts->inner == nullptr) return absl::InternalError("the inner server did not start");
    } else {
      PRECIS_RETURN_IF_ERROR(parts->Listen(&builder, &parts->inner));
    }
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(static_cast<int>(settings.max_message_bytes));
    const auto channel = parts->inner->InProcessChannel(arguments);
    KeepForEver(channel);
    parts->channels.SetLocal(channel);
  }
  if (has_gateway) {
    parts->gateway = std::make_unique<Gateway>(parts->context);
    grpc::ServerBuilder builder;
    SetUpBuilder(settings, &builder);
    builder.SetOption(parts->gateway->server_option());
    for (grpc::Service* service : parts->gateway->services()) builder.RegisterService(service);
    builder.RegisterCallbackGenericService(parts->gateway->proxy());
    PRECIS_RETURN_IF_ERROR(parts->Listen(&builder, &parts->front));
    SetHealth(parts->front.get(), "precis.v1.PipelineService", true);
    SetHealth(parts->front.get(), "precis.v1.AdminService", true);
  }
  for (const auto& role : parts->roles) role->Start();
  parts->UpdateHealth();
  parts->health_watch = std::thread([watched = parts.get()] { watched->WatchHealth(); });
  return std::unique_ptr<Daemon>(new Daemon(std::move(parts)));
}

Daemon::Daemon(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Daemon::~Daemon() { Stop(); }

const std::string& Daemon::address() const { return parts_->address; }

void Daemon::Stop() {
  Parts& parts = *parts_;
  if (std::exchange(parts.stopped, true)) return;
  parts.StopWatching();
  const auto grace = absl::Milliseconds(parts.config.shutdown_grace_ms);
  const absl::Time deadline = absl::Now() + grace;
  for (grpc::Server* server : {parts.front.get(), parts.inner.get()}) {
    if (server == nullptr) continue;
    if (auto* health = server->GetHealthCheckService()) health->SetServingStatus(false);
  }
  absl::SleepFor(std::min(kLameDuck, grace));
  // The front first: what it has accepted may still call the roles.
  if (parts.front != nullptr) parts.front->Shutdown(absl::ToChronoTime(deadline));
  if (parts.gateway != nullptr) parts.gateway->Drain();
  if (parts.inner != nullptr) parts.inner->Shutdown(absl::ToChronoTime(std::max(deadline, absl::Now())));
  parts.metrics.StopCollecting();
  for (const auto& role : parts.roles) role->Drain();
  parts.front.reset();
  parts.gateway.reset();
  parts.inner.reset();
  parts.admin.reset();
  parts.erasure.reset();
  parts.roles.clear();  // the retriever writes its snapshots
}

}  // namespace precis::services
