#include "runtime/metrics.h"

#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "prometheus/collectable.h"
#include "prometheus/counter.h"
#include "prometheus/exposer.h"
#include "prometheus/family.h"
#include "prometheus/histogram.h"
#include "prometheus/registry.h"

namespace precis::services {
namespace {

struct CounterName {
  const char* name;
  const char* help;
};
constexpr CounterName kCounters[] = {
    {"precis_requests_total", "Finished calls by role, method and gRPC code."},
    {"precis_tokens_total",
     "Tokens: embedded, prompt, prompt_cached, completion, context_in, context_out; by direction."},
    {"precis_tokens_saved_total", "Tokens that compression kept out of prompts."},
    {"precis_documents_total", "Ingested documents by outcome."},
    {"precis_ingested_bytes_total", "Original bytes of documents that were added or replaced."},
    {"precis_answers_total", "Answered questions by outcome."},
    {"precis_erasures_total", "Delete records that caches have acknowledged, by cache."},
};

// Half a millisecond to a minute.
const prometheus::Histogram::BucketBoundaries kSeconds = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                                          0.25,   0.5,   1,      2.5,   5,    10,    30,   60};

std::string TotalKey(std::string_view name, const std::map<std::string, std::string>& labels) {
  std::string key(name);
  char separator = '{';
  for (const auto& [label, value] : labels) {
    absl::StrAppend(&key, std::string(1, separator), label, "=\"", value, "\"");
    separator = ',';
  }
  if (separator == ',') key += '}';
  return key;
}

}  // namespace

struct Metrics::State : prometheus::Collectable {
  std::shared_ptr<prometheus::Registry> registry = std::make_shared<prometheus::Registry>();
  std::map<std::string, prometheus::Family<prometheus::Counter>*, std::less<>> counters;
  prometheus::Family<prometheus::Histogram>* seconds = nullptr;
  std::unique_ptr<prometheus::Exposer> exposer;

  mutable std::mutex mutex;
  std::map<std::string, double> totals;
  std::vector<std::function<std::vector<Sample>()>> sources;

  // What the sources say, one family a name.
  std::vector<prometheus::MetricFamily> Collect() const override {
    std::map<std::string, prometheus::MetricFamily> families;
    std::lock_guard<std::mutex> lock(mutex);
    for (const auto& source : sources) {
      for (const Sample& sample : source()) {
        prometheus::MetricFamily& family = families[sample.name];
        family.name = sample.name;
        family.type = sample.counter ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge;
        prometheus::ClientMetric metric;
        for (const auto& [name, value] : sample.labels) metric.label.push_back({name, value});
        (sample.counter ? metric.counter.value : metric.gauge.value) = sample.value;
        family.metric.push_back(std::move(metric));
      }
    }
    std::vector<prometheus::MetricFamily> result;
    for (auto& [name, family] : families) result.push_back(std::move(family));
    return result;
  }
};

Metrics::Metrics() : state_(std::make_shared<State>()) {
  for (const CounterName& counter : kCounters) {
    state_->counters[counter.name] =
        &prometheus::BuildCounter().Name(counter.name).Help(counter.help).Register(*state_->registry);
  }
  state_->seconds = &prometheus::BuildHistogram()
                         .Name("precis_request_seconds")
                         .Help("Time of finished calls by role and method.")
                         .Register(*state_->registry);
}

Metrics::~Metrics() { StopCollecting(); }

void Metrics::CountCall(std::string_view role, std::string_view method, int code, absl::Duration duration) {
  Add("precis_requests_total",
      {{"role", std::string(role)}, {"method", std::string(method)}, {"code", absl::StrCat(code)}}, 1);
  state_->seconds->Add({{"role", std::string(role)}, {"method", std::string(method)}}, kSeconds)
      .Observe(absl::ToDoubleSeconds(duration));
}

void Metrics::Add(std::string_view name, const std::map<std::string, std::string>& labels, double value) {
  const auto family = state_->counters.find(name);
  if (family == state_->counters.end()) return;
  family->second->Add(labels).Increment(value);
  std::lock_guard<std::mutex> lock(state_->mutex);
  state_->totals[TotalKey(name, labels)] += value;
}

void Metrics::AddSource(std::function<std::vector<Sample>()> source) {
  std::lock_guard<std::mutex> lock(state_->mutex);
  state_->sources.push_back(std::move(source));
}

void Metrics::StopCollecting() {
  std::lock_guard<std::mutex> lock(state_->mutex);
  state_->sources.clear();
}

std::map<std::string, double> Metrics::Totals() const {
  std::lock_guard<std::mutex> lock(state_->mutex);
  return state_->totals;
}

double Metrics::Total(std::string_view name, const std::map<std::string, std::string>& labels) const {
  std::lock_guard<std::mutex> lock(state_->mutex);
  const auto found = state_->totals.find(TotalKey(name, labels));
  return found == state_->totals.end() ? 0 : found->second;
}

absl::Status Metrics::Serve(const std::string& address) {
  try {  // prometheus-cpp reports by exception
    state_->exposer = std::make_unique<prometheus::Exposer>(address, 1);
  } catch (const std::exception& error) {
    return absl::UnavailableError(absl::StrCat("/metrics cannot be served on ", address,
                                               " (in use?): choose another with --metrics-listen, or empty for none"));
  }
  state_->exposer->RegisterCollectable(state_->registry);
  state_->exposer->RegisterCollectable(state_);
  return absl::OkStatus();
}

}  // namespace precis::services
