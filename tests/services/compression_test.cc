// CompressionService and SplittingService through the gateway.
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "precis/v1/compression.grpc.pb.h"
#include "precis/v1/splitting.grpc.pb.h"
#include "stack_fixture.h"

namespace precis::services {
namespace {

using CompressionStack = Stack;

TEST_F(CompressionStack, CompressingAStreamEqualsCompressingAMessage) {
  const auto stub = v1::CompressionService::NewStub(channel_);
  v1::CompressRequest request;
  request.mutable_options()->set_budget_tokens(24);
  request.set_query("lighthouse");
  for (int i = 0; i < 4; ++i) {
    request.add_passages()->set_text(
        absl::StrCat("The lighthouse number ", i, " is old. It has a lamp. Nobody lives there."));
  }
  v1::CompressResponse whole;
  {
    grpc::ClientContext context;
    const grpc::Status status = stub->Compress(&context, request, &whole);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }
  EXPECT_LE(whole.receipt().tokens_out(), 24);
  grpc::ClientContext context;
  const auto stream = stub->CompressStream(&context);
  v1::CompressStreamRequest part;
  *part.mutable_start() = request;
  part.mutable_start()->clear_passages();
  stream->Write(part);
  for (const v1::Passage& passage : request.passages()) {
    part.mutable_passage()->set_text(passage.text().substr(0, 10));
    stream->Write(part);
    part.set_text(passage.text().substr(10));
    stream->Write(part);
  }
  stream->WritesDone();
  v1::CompressStreamResponse event;
  v1::CompressResponse streamed;
  while (stream->Read(&event)) {
    if (event.has_result()) streamed = event.result();
  }
  ASSERT_TRUE(stream->Finish().ok());
  EXPECT_EQ(streamed.context().text(), whole.context().text());
}

TEST_F(CompressionStack, PiecesCoverTheText) {
  grpc::ClientContext context;
  v1::SplitRequest request;
  std::string text;
  for (int i = 0; i < 60; ++i) absl::StrAppend(&text, "Sentence number ", i, " is here.\n");
  request.set_text(text);
  request.mutable_parameters()->set_max_tokens(32);
  request.mutable_parameters()->set_overlap_tokens(0);
  request.set_include_text(true);
  v1::SplitResponse response;
  const grpc::Status status = v1::SplittingService::NewStub(channel_)->Split(&context, request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_GT(response.pieces_size(), 3);
  EXPECT_EQ(response.pieces(0).location().line_begin(), 1);
  EXPECT_EQ(response.pieces(response.pieces_size() - 1).location().line_end(), 60);
}

}  // namespace
}  // namespace precis::services
