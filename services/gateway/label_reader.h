// Answers to several questions in one text, told apart by their labels while the text is streamed (BatchPrompt, arXiv
// 2309.00384, section 3).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace precis::services {

// A label stands at the beginning of a line: "Answer 2:", also "A2.", "**Answer 2:**" or "- answer #2)"; where the
// first label is a bare "1." or "1:", later ones are bare too and must come in order, since an answer may hold a list.
// Lines "Question 2: ..." are echoes and left out, and so is what stands before the first label, under a number that no
// question has, or under a label that was there before.
class LabelReader {
 public:
  struct Piece {
    int label = 0;  // from 0
    std::string text;
  };

  explicit LabelReader(int count) : seen_(static_cast<size_t>(count), 0) {}

  // What the next part of the text adds to the answers, without the white space around them.
  std::vector<Piece> Add(std::string_view text);
  // The end of the text.
  std::vector<Piece> Finish();

  // How often a label came, from 0.
  int seen(int label) const { return seen_[static_cast<size_t>(label)]; }

 private:
  struct Label {
    enum Kind { kNone, kPrefix, kAnswer, kQuestion, kBare } kind = kNone;  // kPrefix: may become a label
    int number = 0;                                                        // from 1
    size_t length = 0;                                                     // bytes, white space after it included
  };
  static Label ReadLabel(std::string_view line, bool complete);
  void Take(std::string_view text, std::vector<Piece>* pieces);
  // Consumes a label at the beginning of `line_`; false where more text must come first.
  bool BeginLine(bool complete);

  std::vector<int> seen_;
  std::string line_;  // the beginning of a line that may be a label
  bool at_line_start_ = true;
  bool worded_ = false;  // a label with a word was there
  int current_ = -1;     // the answer that text goes to; -1: nowhere
  int last_number_ = 0;
  std::string gap_;     // white space that is sent once more text follows
  bool begun_ = false;  // the current answer has text
};

}  // namespace precis::services
