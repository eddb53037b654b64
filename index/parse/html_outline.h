// Which parts of a page are its text, and whether it is safe to parse.
#pragma once

#include <gumbo.h>

#include <string>
#include <string_view>

namespace precis::index {

// The value of an attribute; empty where it is absent.
std::string_view Attribute(const GumboElement& element, const char* name);

// Scripts, styles, forms' controls: never text.
bool IsInvisible(const GumboElement& element);

// Navigation, sidebars, tables of contents, page headers and footers, permalink marks: text about the page. By tag,
// role, or a class or id that DocBook, Sphinx and common site generators use. `in_article`: below <main> or <article>,
// where <header> and <footer> belong to the text.
bool IsFurniture(const GumboElement& element, bool in_article);

// <main>, role="main", or the only <article>: then the rest of the page is furniture. Null: no such element.
const GumboNode* FindMain(const GumboNode* root);

// How deep the elements of `html` may nest, told from the tags alone and never less than gumbo makes of them in
// practice. Gumbo frees its tree by recursion: a page past the limit must not reach it.
int64_t NestingBound(std::string_view html);

}  // namespace precis::index
