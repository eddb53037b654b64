// How many drafts are verified: by what acceptance and rows cost.
#include "runtime/draft_plan.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

namespace precis::engine {
namespace {

// A step of n rows takes 1 + share * (n - 1).
StepCost Cost(double share) {
  StepCost cost;
  for (int round = 0; round < 20; ++round) {
    for (int64_t rows = 1; rows <= 40; ++rows) cost.Measure(rows, 1 + share * static_cast<double>(rows - 1));
  }
  return cost;
}

DraftOffer Offer(double rate, int count = kMostDrafts) {
  DraftOffer offer;
  offer.count = count;
  double chance = 1;
  for (int i = 0; i < count; ++i) offer.chance[static_cast<size_t>(i)] = chance *= rate;
  return offer;
}

int Taken(double rate, double share) {
  std::vector<DraftOffer> offers = {Offer(rate)};
  PlanDrafts(1, Cost(share), offers);
  return offers[0].taken;
}

// The best number by trying all.
int BestByTrying(double rate, double share) {
  int best = 0;
  double best_speed = kLeastDraftGain;
  for (int k = 1; k <= kMostDrafts; ++k) {
    double tokens = 1, chance = 1;
    for (int i = 0; i < k; ++i) tokens += chance *= rate;
    if (tokens / (1 + share * k) > best_speed) {
      best_speed = tokens / (1 + share * k);
      best = k;
    }
  }
  return best;
}

TEST(PlanDrafts, TakesTheNumberThatTryingAllWouldTake) {
  for (const double share : {0.1, 0.25, 0.5, 0.8}) {
    for (const double rate : {0.05, 0.2, 0.5, 0.7, 0.9, 0.97}) {
      EXPECT_NEAR(Taken(rate, share), BestByTrying(rate, share), 1) << rate << " " << share;
    }
  }
  EXPECT_EQ(Taken(0.1, 0.25), 0);  // mostly wrong
  EXPECT_EQ(Taken(0.9, 1.0), 0);   // a row as dear as a step
  EXPECT_EQ(Taken(0.7, 0.5), 0);   // 13 % faster if the promise holds: too little to bet on
  EXPECT_GE(Taken(0.97, 0.1), 10);
}

TEST(PlanDrafts, SpendsRowsOnTheLikeliestSequence) {
  std::vector<DraftOffer> offers = {Offer(0.3), Offer(0.95), Offer(0.9, 2), Offer(0, 0)};
  PlanDrafts(4, Cost(0.2), offers);
  EXPECT_EQ(offers[0].taken, 0);
  EXPECT_GT(offers[1].taken, offers[0].taken);
  EXPECT_EQ(offers[2].taken, 2);
  EXPECT_EQ(offers[3].taken, 0);
}

TEST(PlanDrafts, ManySequencesShareTheMostRows) {
  std::vector<DraftOffer> offers(20, Offer(0.99));
  PlanDrafts(20, Cost(0.01), offers);
  const int all =
      std::accumulate(offers.begin(), offers.end(), 0, [](int n, const DraftOffer& o) { return n + o.taken; });
  EXPECT_EQ(all, kMostAddedDrafts);
  offers.assign(60, Offer(0.99));
  PlanDrafts(60, Cost(0.01), offers);
  for (const DraftOffer& o : offers) EXPECT_LE(o.taken, 4);
}

TEST(PlanDrafts, WithoutMeasurementsNothingIsDrafted) {
  std::vector<DraftOffer> offers = {Offer(0.99)};
  PlanDrafts(1, StepCost(), offers);
  EXPECT_EQ(offers[0].taken, 0);
}

TEST(StepCost, OneStoppedStepDoesNotCountForMany) {
  StepCost cost = Cost(0.2);
  cost.Measure(3, 60.0);  // the process was stopped for a minute
  EXPECT_LT(cost.Of(3), 2);
  for (int i = 0; i < 30; ++i) cost.Measure(3, 1.4);
  EXPECT_NEAR(cost.Of(3), 1.4, 0.1);
}

TEST(StepCost, WhatWasNeverMeasuredLiesOnTheLine) {
  StepCost cost;
  EXPECT_FALSE(cost.known());
  for (int i = 0; i < 50; ++i) {
    cost.Measure(1, 2.0);
    cost.Measure(5, 2.0 + 4 * 0.5);
  }
  EXPECT_NEAR(cost.Of(9), 2.0 + 8 * 0.5, 0.4);
  EXPECT_NEAR(cost.Of(3), 2.0 + 2 * 0.5, 0.3);
}

TEST(AcceptanceRates, FollowWhatCameAndForgetWhatWas) {
  AcceptanceRates rates({0.5, 0.5}, 8, 50);
  EXPECT_NEAR(rates.Of(0), 0.5, 1e-9);
  for (int i = 0; i < 300; ++i) rates.Count(0, true);
  EXPECT_GT(rates.Of(0), 0.98);
  EXPECT_NEAR(rates.Of(1), 0.5, 1e-9);
  for (int i = 0; i < 300; ++i) rates.Count(0, i % 4 == 0);
  EXPECT_NEAR(rates.Of(0), 0.25, 0.05);
}

}  // namespace
}  // namespace precis::engine
