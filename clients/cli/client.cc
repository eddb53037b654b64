#include "cli/client.h"

#include <google/protobuf/util/json_util.h>
#include <unistd.h>

#include <cstdio>
#include <random>

#include "absl/strings/str_cat.h"
#include "cli/exit_code.h"
#include "cli/interrupt.h"
#include "cli/terminal.h"

namespace precis::cli {
namespace {

// Requests with many passages and replies with many vectors stay below this; the server has limits of its own.
constexpr int kMaxMessageBytes = 64 << 20;

std::string RequestId() {
  std::random_device random;
  char buffer[24];
  std::snprintf(buffer, sizeof buffer, "cli-%08x%08x", random(), random());
  return buffer;
}

const char* CodeName(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::CANCELLED:
      return "CANCELLED";
    case grpc::StatusCode::INVALID_ARGUMENT:
      return "INVALID_ARGUMENT";
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return "DEADLINE_EXCEEDED";
    case grpc::StatusCode::NOT_FOUND:
      return "NOT_FOUND";
    case grpc::StatusCode::ALREADY_EXISTS:
      return "ALREADY_EXISTS";
    case grpc::StatusCode::PERMISSION_DENIED:
      return "PERMISSION_DENIED";
    case grpc::StatusCode::UNAUTHENTICATED:
      return "UNAUTHENTICATED";
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      return "RESOURCE_EXHAUSTED";
    case grpc::StatusCode::FAILED_PRECONDITION:
      return "FAILED_PRECONDITION";
    case grpc::StatusCode::ABORTED:
      return "ABORTED";
    case grpc::StatusCode::OUT_OF_RANGE:
      return "OUT_OF_RANGE";
    case grpc::StatusCode::UNIMPLEMENTED:
      return "UNIMPLEMENTED";
    case grpc::StatusCode::INTERNAL:
      return "INTERNAL";
    case grpc::StatusCode::UNAVAILABLE:
      return "UNAVAILABLE";
    case grpc::StatusCode::DATA_LOSS:
      return "DATA_LOSS";
    default:
      return "UNKNOWN";
  }
}

// gRPC's own transport messages do not help a person; the server's sentences pass through.
std::string Sentence(const Globals& globals, const grpc::Status& status) {
  if (Interrupted()) return "interrupted";
  const std::string& message = status.error_message();
  // gRPC's own words for a server that is not there. A gateway that misses a role says so in a sentence of its own.
  const auto begins = [&message](const char* prefix) { return message.rfind(prefix, 0) == 0; };
  if (status.error_code() == grpc::StatusCode::UNAVAILABLE &&
      (begins("failed to connect") || begins("connections to all") || begins("Socket closed") ||
       begins("Connection reset") || begins("recvmsg"))) {
    return "no server answers at " + globals.server +
           " (start one with 'precisd', or name another with --server HOST:PORT)";
  }
  if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED && globals.timeout_s > 0) {
    // gRPC's own words add nothing; a sentence of the server may say what was done until then.
    return absl::StrCat("the server did not finish within --timeout ", globals.timeout_s, " s",
                        message == "Deadline Exceeded" ? "" : ": " + message);
  }
  return message.empty() ? std::string("the server failed with ") + CodeName(status.error_code()) : message;
}

}  // namespace

Client::Client(const Globals& globals) : globals_(globals) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  channel = grpc::CreateCustomChannel(globals.server, grpc::InsecureChannelCredentials(), arguments);
  admin = v1::AdminService::NewStub(channel);
  collections = v1::CollectionService::NewStub(channel);
  compression = v1::CompressionService::NewStub(channel);
  documents = v1::DocumentService::NewStub(channel);
  embedding = v1::EmbeddingService::NewStub(channel);
  generation = v1::GenerationService::NewStub(channel);
  pipeline = v1::PipelineService::NewStub(channel);
  retrieval = v1::RetrievalService::NewStub(channel);
  splitting = v1::SplittingService::NewStub(channel);
}

std::unique_ptr<grpc::ClientContext> Client::Context() {
  auto context = std::make_unique<grpc::ClientContext>();
  if (globals_.timeout_s > 0) {
    context->set_deadline(std::chrono::system_clock::now() +
                          std::chrono::microseconds(static_cast<int64_t>(globals_.timeout_s * 1e6)));
  }
  context->AddMetadata("x-request-id", RequestId());
  return context;
}

int Fail(const Globals& globals, const grpc::Status& status) {
  const std::string sentence = Sentence(globals, status);
  if (globals.json) {
    std::fprintf(stderr, "{\"error\":{\"code\":\"%s\",\"message\":\"%s\"}}\n", CodeName(status.error_code()),
                 JsonEscape(sentence).c_str());
  } else {
    std::fprintf(stderr, "%s %s\n", Styled("precis:", Style::kRed, STDERR_FILENO).c_str(), Printable(sentence).c_str());
  }
  return kExitFailed;
}

int Fail(const Globals& globals, const std::string& sentence, int exit_code) {
  if (globals.json) {
    std::fprintf(stderr, "{\"error\":{\"code\":\"CLIENT\",\"message\":\"%s\"}}\n", JsonEscape(sentence).c_str());
  } else {
    std::fprintf(stderr, "%s %s\n", Styled("precis:", Style::kRed, STDERR_FILENO).c_str(), Printable(sentence).c_str());
  }
  return exit_code;
}

std::string ToJsonLine(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string json;
  if (!google::protobuf::util::MessageToJsonString(message, &json, options).ok()) return "{}";
  return json;
}

void PrintJson(const google::protobuf::Message& message) {
  std::printf("%s\n", ToJsonLine(message).c_str());
  std::fflush(stdout);
}

std::string JsonEscape(const std::string& text) {
  std::string out;
  for (char c : text) {
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char buffer[8];
      std::snprintf(buffer, sizeof buffer, "\\u%04x", c);
      out += buffer;
    } else {
      out.push_back(c);
    }
  }
  return out;
}

std::string Place(const std::string& uri, const v1::SourceLocation& location) {
  std::string place = OneLine(uri, 4096);
  if (location.page_begin() > 0) return place + " p." + std::to_string(location.page_begin());
  if (location.line_begin() > 0) return place + ":" + std::to_string(location.line_begin());
  return place;
}

}  // namespace precis::cli
