#include "daemon/health_client.h"

#include <chrono>
#include <vector>

#include "absl/strings/str_cat.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "google/protobuf/wire_format_lite.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/grpcpp.h"

namespace precis::services {
namespace {

// grpc.health.v1 has no proto in Debian either, and two one-field messages need none:
// HealthCheckRequest { string service = 1; }, HealthCheckResponse { ServingStatus status = 1; } with SERVING = 1.
constexpr int kServing = 1;

std::string EncodeRequest(const std::string& service) {
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream coded(&stream);
  if (!service.empty()) google::protobuf::internal::WireFormatLite::WriteString(1, service, &coded);
  return bytes;
}

int DecodeStatus(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (buffer.Dump(&slices).ok()) {
    for (const grpc::Slice& slice : slices) bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes.size() == 2 && bytes[0] == 0x08 ? bytes[1] : 0;
}

}  // namespace

bool IsServing(const std::string& address, const std::string& service, std::string* detail) {
  const auto channel = grpc::CreateChannel(address, grpc::InsecureChannelCredentials());
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(3));
  const std::string bytes = EncodeRequest(service);
  const grpc::Slice slice(bytes);
  const grpc::ByteBuffer request(&slice, 1);
  grpc::ByteBuffer reply;
  grpc::CompletionQueue queue;
  const auto call = stub.PrepareUnaryCall(&context, "/grpc.health.v1.Health/Check", request, &queue);
  grpc::Status status;
  call->StartCall();
  call->Finish(&reply, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  if (!status.ok()) {
    *detail = absl::StrCat(address, " does not answer: ", status.error_message());
    return false;
  }
  if (DecodeStatus(reply) == kServing) return true;
  *detail = absl::StrCat(address, " is not serving", service.empty() ? "" : " ", service);
  return false;
}

}  // namespace precis::services
