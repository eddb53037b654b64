// RetrievalService through the gateway.
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "stack_fixture.h"

namespace precis::services {
namespace {

using ::testing::HasSubstr;

using RetrievalStack = Stack;

TEST_F(RetrievalStack, ACollectionOfAnotherModelIsRefused) {
  IndexThree();
  engines_->encoder_fingerprint = "fake-encoder-2";
  Start({});
  grpc::Status status;
  Search("lighthouse", 3, &status);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(status.error_message(), AllOf(HasSubstr("fake-encoder-1"), HasSubstr("fake-encoder-2")));
  const Ingested ingested = Ingest(channel_, "docs", {{"/d.txt", "more"}});
  EXPECT_EQ(ingested.status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
}

TEST_F(RetrievalStack, QueriesHaveALimitThatIsNamed) {
  IndexThree();
  grpc::Status status;
  Search(std::string(64 << 10, 'a'), 3, &status);
  EXPECT_TRUE(status.ok()) << status.error_message();
  for (size_t bytes : {size_t{64 << 10} + 1, size_t{1} << 20}) {
    Search(std::string(bytes, 'a'), 3, &status);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_THAT(status.error_message(), AllOf(HasSubstr(std::to_string(bytes)), HasSubstr("65536")));
  }
  Search(" \n", 3, &status);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(RetrievalStack, MoreThanThereIsGivesAllThereIs) {
  IndexThree();
  EXPECT_EQ(Search("lighthouse", 1000).passages_size(), 3);
  grpc::Status status;
  Search("lighthouse", 1001, &status);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

}  // namespace
}  // namespace precis::services
