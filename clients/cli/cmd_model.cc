// precis model: what the server has, what can be fetched, what a file is.
#include <unistd.h>

#include <cstdio>
#include <memory>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/interrupt.h"
#include "cli/terminal.h"
#include "models/lock.h"
#include "models/pull.h"
#include "precis/engine/load.h"

namespace precis::cli {
namespace {

struct Flags {
  std::string name, folder, from, lock;
};

absl::StatusOr<std::vector<models::Model>> Lock(const Flags& flags) {
  if (!flags.lock.empty()) return models::ReadLock(flags.lock);
  const auto path = models::FindLock();
  if (!path.ok()) return path.status();
  return models::ReadLock(*path);
}

std::string Folder(const Flags& flags) { return flags.folder.empty() ? models::DefaultModelsFolder() : flags.folder; }

const char* KindName(v1::ModelKind kind) {
  switch (kind) {
    case v1::MODEL_KIND_ENCODER:
      return "encoder";
    case v1::MODEL_KIND_GENERATOR:
      return "generator";
    default:
      return "?";
  }
}

const char* StateName(v1::ModelState state) {
  switch (state) {
    case v1::MODEL_STATE_AVAILABLE:
      return "available";
    case v1::MODEL_STATE_LOADING:
      return "loading";
    case v1::MODEL_STATE_LOADED:
      return "loaded";
    case v1::MODEL_STATE_UNLOADING:
      return "unloading";
    case v1::MODEL_STATE_FAILED:
      return "failed";
    default:
      return "?";
  }
}

int ListServer(const Globals& globals) {
  Client client(globals);
  v1::ListModelsResponse response;
  auto context = client.Context();
  CancelOnInterrupt cancel(context.get());
  if (const grpc::Status status = client.generation->ListModels(context.get(), v1::ListModelsRequest(), &response);
      !status.ok()) {
    return Fail(globals, status);
  }
  if (globals.json) {
    for (const auto& model : response.models()) PrintJson(model);
    return kExitOk;
  }
  Table table({"model", "kind", "state", "size", "window", "detail"});
  for (const auto& m : response.models()) {
    table.AddRow({OneLine(m.name(), 60) + (m.is_default() ? " *" : ""), KindName(m.kind()), StateName(m.state()),
                  HumanBytes(m.size_bytes()), WithThousands(m.max_tokens()), OneLine(m.detail(), 200)});
  }
  table.Print();
  std::printf("(* default; 'precis model available' lists what can be fetched)\n");
  return kExitOk;
}

int ListAvailable(const Globals& globals, const Flags& flags) {
  const auto all = Lock(flags);
  if (!all.ok()) return Fail(globals, std::string(all.status().message()), kExitFailed);
  Table table({"model", "kind", "size", "here", "licence"});
  for (const models::Model& model : *all) {
    const bool here = models::IsComplete(model, Folder(flags), /*hash=*/false);
    if (globals.json) {
      std::printf("{\"name\":\"%s\",\"kind\":\"%s\",\"size_bytes\":%lld,\"here\":%s,\"licence\":\"%s\"}\n",
                  JsonEscape(model.name).c_str(), JsonEscape(model.kind).c_str(), static_cast<long long>(model.size()),
                  here ? "true" : "false", JsonEscape(model.licence).c_str());
    }
    table.AddRow({model.name, model.kind, HumanBytes(model.size()), here ? "yes" : "no", model.licence});
  }
  if (!globals.json) table.Print();
  return kExitOk;
}

int PullModel(const Globals& globals, const Flags& flags) {
  const auto all = Lock(flags);
  if (!all.ok()) return Fail(globals, std::string(all.status().message()), kExitFailed);
  std::string known;
  for (const models::Model& model : *all) {
    known += (known.empty() ? "" : ", ") + model.name;
    if (model.name != flags.name) continue;
    const absl::Status status =
        models::Pull(model, {Folder(flags), flags.from}, [&globals](const std::string& sentence) {
          if (!globals.json) std::fprintf(stderr, "%s\n", sentence.c_str());
        });
    if (!status.ok()) return Fail(globals, std::string(status.message()), kExitFailed);
    if (globals.json)
      std::printf("{\"name\":\"%s\",\"folder\":\"%s\"}\n", model.name.c_str(), JsonEscape(Folder(flags)).c_str());
    return kExitOk;
  }
  return Fail(globals, "no model '" + flags.name + "' in models.lock; there are: " + known, kExitUsage);
}

int ModelInfo(const Globals& globals, const Flags& flags) {
  // A plain name means the models folder; anything else is a path.
  const bool plain = flags.name.find('/') == std::string::npos && ::access(flags.name.c_str(), F_OK) != 0;
  const std::string path = plain ? Folder(flags) + "/" + flags.name : flags.name;
  const auto info = engine::InspectModel(path, engine::Inspection::kTokenizer);
  if (!info.ok()) return Fail(globals, std::string(info.status().message()), kExitFailed);
  if (globals.json) {
    std::printf(
        "{\"kind\":\"%s\",\"architecture\":\"%s\",\"supported\":%s,\"reason\":\"%s\",\"parameters\":%lld,"
        "\"weights_bytes\":%lld,\"memory_bytes\":%lld,\"kv_bytes_per_token\":%lld,\"max_tokens\":%lld,"
        "\"dimensions\":%d,\"path\":\"%s\"}\n",
        JsonEscape(info->kind).c_str(), JsonEscape(info->model.architecture).c_str(),
        info->supported ? "true" : "false", JsonEscape(info->reason).c_str(),
        static_cast<long long>(info->model.parameters), static_cast<long long>(info->model.weights_bytes),
        static_cast<long long>(info->memory_bytes), static_cast<long long>(info->kv_bytes_per_token),
        static_cast<long long>(info->model.max_tokens), info->model.dimensions, JsonEscape(path).c_str());
    return kExitOk;
  }
  std::printf("%s\n  %s, architecture %s: %s\n", Styled(OneLine(path, 4096), Style::kBold, STDOUT_FILENO).c_str(),
              info->kind.c_str(), OneLine(info->model.architecture, 60).c_str(),
              info->supported ? "supported" : ("not supported: " + OneLine(info->reason, 300)).c_str());
  std::printf("  %s parameters, %s, window %s tokens\n", WithThousands(info->model.parameters).c_str(),
              HumanBytes(info->model.weights_bytes).c_str(), WithThousands(info->model.max_tokens).c_str());
  if (info->memory_bytes > 0) {
    std::printf("  needs %s for weights, and %s of keys and values a token: %s for a full window\n",
                HumanBytes(info->memory_bytes).c_str(), HumanBytes(info->kv_bytes_per_token).c_str(),
                HumanBytes(info->kv_bytes_per_token * info->model.max_tokens).c_str());
  }
  std::printf("%s\n", Printable(info->description).c_str());
  return kExitOk;
}

}  // namespace

void AddModel(CLI::App& app, const Globals& globals, Run* run) {
  auto flags = std::make_shared<Flags>();
  CLI::App* group = app.add_subcommand("model", "List, fetch and inspect models");
  group->require_subcommand(1);
  group->fallthrough();
  group->add_option("--models-dir", flags->folder,
                    "Models folder (default: $PRECIS_MODELS_DIR or ~/.local/share/precis/models)");
  group->add_option("--lock", flags->lock, "models.lock to use");
  group->add_subcommand("list", "Models that the server can use")->callback([&globals, run] {
    *run = [&globals] { return ListServer(globals); };
  });
  group->add_subcommand("available", "Models that 'pull' knows")->callback([&globals, flags, run] {
    *run = [&globals, flags] { return ListAvailable(globals, *flags); };
  });
  CLI::App* pull = group->add_subcommand("pull", "Fetch a model, check its hash, put it into the models folder");
  pull->add_option("name", flags->name, "Its name")->required();
  pull->add_option("--from", flags->from, "Your own copy of the file instead of a download; the hash decides");
  pull->callback([&globals, flags, run] { *run = [&globals, flags] { return PullModel(globals, *flags); }; });
  CLI::App* info = group->add_subcommand("info", "What a model file or folder is, and whether it is supported");
  info->add_option("model", flags->name, "Path, or a name in the models folder")->required();
  info->callback([&globals, flags, run] { *run = [&globals, flags] { return ModelInfo(globals, *flags); }; });
}

}  // namespace precis::cli
