// A fresh index in a temporary folder, with short ways to say the usual things.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "fake_encoder.h"
#include "precis/index/index.h"

namespace precis::index {

class IndexTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "precis_index_XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    Open();
  }
  void TearDown() override {
    index_.reset();
    std::filesystem::remove_all(folder_);
  }

  IndexOptions Options() const {
    IndexOptions options;
    options.data_dir = folder_;
    options.encoder = [encoder = encoder_](const std::string&) { return encoder; };
    options.flat_limit = flat_limit_;
    options.snapshot_every = 256;  // so that a graph covers most of a small collection
    return options;
  }
  void Open() {
    index_.reset();
    auto opened = Index::Open(Options());
    ASSERT_TRUE(opened.ok()) << opened.status();
    index_ = *std::move(opened);
  }
  void Create(const std::string& name = "c", const std::string& tenant = "",
              VectorIndexKind kind = VectorIndexKind::kAuto) {
    CollectionOptions options;
    options.name = name;
    options.tenant = tenant;
    options.vector_index = kind;
    options.overlap_tokens = 0;
    const auto created = index_->CreateCollection(options);
    ASSERT_TRUE(created.ok()) << created.status();
  }
  static DocumentInput Document(std::string uri, std::string content, Metadata metadata = {},
                                std::string collection = "c", std::string tenant = "") {
    DocumentInput document;
    document.uri = std::move(uri);
    document.content = std::move(content);
    document.metadata = std::move(metadata);
    document.collection = std::move(collection);
    document.tenant = std::move(tenant);
    document.media_type = "text/plain";
    return document;
  }
  IngestResult Ingest(const DocumentInput& document) {
    auto result = index_->Ingest(document, {});
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? *std::move(result) : IngestResult();
  }
  static SearchRequest Request(std::string query, SearchMode mode = SearchMode::kHybrid, int top_k = 10) {
    SearchRequest request;
    request.collection = "c";
    request.query = std::move(query);
    request.mode = mode;
    request.top_k = top_k;
    return request;
  }
  SearchResult Search(const SearchRequest& request) {
    auto result = index_->Search(request, {});
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? *std::move(result) : SearchResult();
  }
  static std::vector<std::string> Uris(const SearchResult& result) {
    std::vector<std::string> uris;
    for (const Passage& passage : result.passages) uris.push_back(passage.uri);
    return uris;
  }

  std::string folder_;
  int64_t flat_limit_ = 50'000;
  std::shared_ptr<FakeEncoder> encoder_ = std::make_shared<FakeEncoder>();
  std::unique_ptr<Index> index_;
};

}  // namespace precis::index
