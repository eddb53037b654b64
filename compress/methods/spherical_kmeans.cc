#include "methods/spherical_kmeans.h"

#include <algorithm>
#include <random>

#include "precis/base/status_macros.h"
#include "vectors.h"

namespace precis::compress {
namespace {

constexpr int kIterations = 50;
constexpr size_t kSilhouettePoints = 1024;
// Two points nearer than this are one: what is left is rounding.
constexpr double kSame = 1e-6;

double Distance(const std::vector<float>& a, const std::vector<float>& b) {
  return std::max(0.0, 1 - static_cast<double>(Dot(a, b)));
}

// In [0, 1), from the generator's bits alone: the library's distributions differ between implementations.
double Uniform(std::mt19937_64* random) { return static_cast<double>((*random)() >> 11) * 0x1p-53; }

// For unit vectors the squared distance is twice the cosine distance, so the draw is k-means++'s own.
std::vector<std::vector<float>> Seed(std::span<const std::vector<float>> points, int k, std::mt19937_64* random) {
  std::vector<std::vector<float>> centroids = {
      points[std::min(points.size() - 1, static_cast<size_t>(Uniform(random) * static_cast<double>(points.size())))]};
  std::vector<double> distances(points.size(), 2);
  while (static_cast<int>(centroids.size()) < k) {
    double sum = 0;
    for (size_t i = 0; i < points.size(); ++i) {
      distances[i] = std::min(distances[i], Distance(points[i], centroids.back()));
      if (distances[i] < kSame) distances[i] = 0;
      sum += distances[i];
    }
    if (sum <= 0) break;  // every point is a centroid
    double draw = Uniform(random) * sum;
    size_t chosen = points.size();
    for (size_t i = 0; i < points.size(); ++i) {
      if (distances[i] <= 0) continue;
      chosen = i;
      draw -= distances[i];
      if (draw < 0) break;
    }
    centroids.push_back(points[chosen]);
  }
  return centroids;
}

// False when nothing has changed.
bool Assign(std::span<const std::vector<float>> points, Clustering* result) {
  bool changed = false;
  double sum = 0;
  for (size_t i = 0; i < points.size(); ++i) {
    int best = 0;
    float best_dot = -2;
    for (size_t c = 0; c < result->centroids.size(); ++c) {
      const float dot = Dot(points[i], result->centroids[c]);
      if (dot > best_dot) {
        best = static_cast<int>(c);
        best_dot = dot;
      }
    }
    sum += best_dot;
    changed |= result->cluster[i] != best;
    result->cluster[i] = best;
  }
  result->cohesion = sum / static_cast<double>(points.size());
  return changed;
}

void MoveCentroids(std::span<const std::vector<float>> points, Clustering* result) {
  std::vector<std::vector<float>> sums(result->centroids.size());
  for (size_t i = 0; i < points.size(); ++i) AddTo(points[i], &sums[static_cast<size_t>(result->cluster[i])]);
  for (size_t c = 0; c < sums.size(); ++c) {
    if (sums[c].empty()) continue;  // lost its points: stays where it is
    NormalizeVector(&sums[c]);
    result->centroids[c] = std::move(sums[c]);
  }
}

// Clusters without points go, the others are numbered by their first point.
void Renumber(Clustering* result) {
  std::vector<int> number(result->centroids.size(), -1);
  std::vector<std::vector<float>> centroids;
  for (int& cluster : result->cluster) {
    int& n = number[static_cast<size_t>(cluster)];
    if (n < 0) {
      n = static_cast<int>(centroids.size());
      centroids.push_back(result->centroids[static_cast<size_t>(cluster)]);
    }
    cluster = n;
  }
  result->centroids = std::move(centroids);
}

}  // namespace

absl::StatusOr<Clustering> SphericalKMeans(std::span<const std::vector<float>> points, int k, uint64_t seed,
                                           const CallContext& call) {
  Clustering result;
  if (points.empty()) return result;
  std::mt19937_64 random(seed);
  result.cluster.assign(points.size(), -1);
  result.centroids = Seed(points, std::max(1, k), &random);
  for (int i = 0; i < kIterations; ++i) {
    PRECIS_RETURN_IF_ERROR(call.Check());
    if (!Assign(points, &result)) break;
    MoveCentroids(points, &result);
  }
  Renumber(&result);
  return result;
}

absl::StatusOr<double> MeanSilhouette(std::span<const std::vector<float>> points, const Clustering& clustering,
                                      const CallContext& call) {
  const size_t k = clustering.centroids.size();
  if (k < 2) return 0.0;
  const size_t n = std::min(points.size(), kSilhouettePoints);
  const auto at = [&](size_t i) { return i * points.size() / n; };
  std::vector<double> counts(k, 0);
  for (size_t i = 0; i < n; ++i) ++counts[static_cast<size_t>(clustering.cluster[at(i)])];
  double sum = 0;
  for (size_t i = 0; i < n; ++i) {
    PRECIS_RETURN_IF_ERROR(call.Check());
    const auto own = static_cast<size_t>(clustering.cluster[at(i)]);
    if (counts[own] < 2) continue;  // a cluster of one counts 0 (Rousseeuw 1987)
    std::vector<double> distances(k, 0);
    for (size_t j = 0; j < n; ++j) {
      if (j != i) distances[static_cast<size_t>(clustering.cluster[at(j)])] += Distance(points[at(i)], points[at(j)]);
    }
    const double inside = distances[own] / (counts[own] - 1);
    double outside = 2;
    for (size_t c = 0; c < k; ++c) {
      if (c != own && counts[c] > 0) outside = std::min(outside, distances[c] / counts[c]);
    }
    const double greater = std::max(inside, outside);
    if (greater > 0) sum += (outside - inside) / greater;
  }
  return sum / static_cast<double>(n);
}

absl::StatusOr<Clustering> BestSilhouette(std::span<const std::vector<float>> points, int max_k, uint64_t seed,
                                          const CallContext& call) {
  PRECIS_ASSIGN_OR_RETURN(Clustering best, SphericalKMeans(points, 1, seed, call));
  double best_silhouette = 0;
  const int most = std::min<int>(max_k, static_cast<int>(points.size()) - 1);
  for (int k = 2; k <= most; ++k) {
    PRECIS_ASSIGN_OR_RETURN(Clustering clustering, SphericalKMeans(points, k, seed, call));
    PRECIS_ASSIGN_OR_RETURN(const double silhouette, MeanSilhouette(points, clustering, call));
    if (silhouette <= best_silhouette) continue;
    best = std::move(clustering);
    best_silhouette = silhouette;
  }
  return best;
}

}  // namespace precis::compress
