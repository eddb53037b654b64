// The connection to a server, and the errors that come over it as sentences.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "precis/v1/admin.grpc.pb.h"
#include "precis/v1/collection.grpc.pb.h"
#include "precis/v1/compression.grpc.pb.h"
#include "precis/v1/document.grpc.pb.h"
#include "precis/v1/embedding.grpc.pb.h"
#include "precis/v1/generation.grpc.pb.h"
#include "precis/v1/pipeline.grpc.pb.h"
#include "precis/v1/retrieval.grpc.pb.h"
#include "precis/v1/splitting.grpc.pb.h"

namespace precis::cli {

// Options that every command takes.
struct Globals {
  std::string server = "127.0.0.1:7777";
  std::string tenant;
  bool json = false;
  double timeout_s = 0;  // 0: none
};

// One channel and the stubs of every public service.
class Client {
 public:
  explicit Client(const Globals& globals);

  // A context with the deadline and a fresh request id; Ctrl-C cancels it.
  std::unique_ptr<grpc::ClientContext> Context();

  std::unique_ptr<v1::AdminService::Stub> admin;
  std::unique_ptr<v1::CollectionService::Stub> collections;
  std::unique_ptr<v1::CompressionService::Stub> compression;
  std::unique_ptr<v1::DocumentService::Stub> documents;
  std::unique_ptr<v1::EmbeddingService::Stub> embedding;
  std::unique_ptr<v1::GenerationService::Stub> generation;
  std::unique_ptr<v1::PipelineService::Stub> pipeline;
  std::unique_ptr<v1::RetrievalService::Stub> retrieval;
  std::unique_ptr<v1::SplittingService::Stub> splitting;
  std::shared_ptr<grpc::Channel> channel;

 private:
  Globals globals_;
};

// Prints one sentence about the failure to standard error (with --json: one object) and returns the exit code.
int Fail(const Globals& globals, const grpc::Status& status);
int Fail(const Globals& globals, const std::string& sentence, int exit_code);

// The message as one line of JSON with the field names of the protos.
std::string ToJsonLine(const google::protobuf::Message& message);
// ToJsonLine to standard output, with a line break, flushed.
void PrintJson(const google::protobuf::Message& message);

// For text inside a JSON string literal.
std::string JsonEscape(const std::string& text);

// "name" or "/path/file.html:12" or "/path/file.pdf p.3", as far as known.
std::string Place(const std::string& uri, const v1::SourceLocation& location);

}  // namespace precis::cli
