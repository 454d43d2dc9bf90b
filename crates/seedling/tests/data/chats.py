"""Chats by Python's Jinja2, set up as Hugging Face's transformers does: `chats.py > chats.json`. Needs `pip install jinja2`.

The templates are written for this test, each in the style of a family of models. An expected text that is null is one that the
template refuses.
"""

import json
import sys

import jinja2
import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment

CHATML = """{%- for message in messages %}
{%- if loop.first and message.role != 'system' %}{{ '<|im_start|>system\\nYou help.<|im_end|>\\n' }}{% endif %}
{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] | trim + '<|im_end|>' + '\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}
"""

LLAMA3 = """{{- bos_token }}
{%- if not date_string is defined %}
    {%- if strftime_now is defined %}
        {%- set date_string = strftime_now("%d %b %Y") %}
    {%- else %}
        {%- set date_string = "26 Jul 2024" %}
    {%- endif %}
{%- endif %}
{#- The system's message comes first, with the day. #}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{%- if tools is not none %}{{- "Environment: ipython\\n" }}{%- endif %}
{{- "Today Date: " + date_string + "\\n\\n" }}
{{- system_message }}
{{- "<|eot_id|>" }}
{%- for message in messages %}
    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}
"""

MISTRAL = """{{ bos_token }}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Roles must take turns: user, assistant, user, ...') }}{% endif %}{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + ' [/INST]' }}{% elif message['role'] == 'assistant' %}{{ ' ' + message['content'] + eos_token }}{% else %}{{ raise_exception('Only user and assistant speak here.') }}{% endif %}{% endfor %}"""

GEMMA = """{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('No system role') }}{% endif %}{% for message in messages %}{% if (message['role'] == 'assistant') %}{% set role = 'model' %}{% else %}{% set role = message['role'] %}{% endif %}{{ '<start_of_turn>' + role + '\\n' + message['content'] | trim + '<end_of_turn>\\n' }}{% endfor %}{% if add_generation_prompt %}{{'<start_of_turn>model\\n'}}{% endif %}"""

PHI3 = """{% for message in messages %}{% if message['role'] == 'system' %}{{'<|system|>\\n' + message['content'] + '<|end|>\\n'}}{% elif message['role'] == 'user' %}{{'<|user|>\\n' + message['content'] + '<|end|>\\n'}}{% elif message['role'] == 'assistant' %}{{'<|assistant|>\\n' + message['content'] + '<|end|>\\n'}}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% else %}{{ eos_token }}{% endif %}"""

ZEPHYR = """{% for message in messages %}
{% if message['role'] == 'user' %}
{{ '<|user|>\\n' + message['content'] + eos_token }}
{% elif message['role'] == 'system' %}
{{ '<|system|>\\n' + message['content'] + eos_token }}
{% elif message['role'] == 'assistant' %}
{{ '<|assistant|>\\n'  + message['content'] + eos_token }}
{% endif %}
{% if loop.last and add_generation_prompt %}
{{ '<|assistant|>' }}
{% endif %}
{% endfor %}"""

# What thinking models do: looking back for the last question, cutting thoughts out, an empty thought where none is wanted.
THINKING = """{%- set ns = namespace(last=messages|length - 1, seeking=true) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.seeking and message.role == "user" and message.content is string and not(message.content.startswith('<tool_response>') and message.content.endswith('</tool_response>')) %}
        {%- set ns.seeking = false %}
        {%- set ns.last = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- set content = message.content if message.content is string else '' %}
    {%- if message.role in ("user", "system") %}
        {{- '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {%- set thought = '' %}
        {%- if '</think>' in content %}
            {%- set thought = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
            {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
        {%- endif %}
        {%- if loop.index0 > ns.last and (loop.last or thought) %}
            {{- '<|im_start|>assistant\\n<think>\\n' + thought.strip('\\n') + '\\n</think>\\n\\n' + content.lstrip('\\n') }}
        {%- else %}
            {{- '<|im_start|>' + message.role + '\\n' + content }}
        {%- endif %}
        {{- '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}"""

# Odds and ends: macros, loop controls, filters and tests, methods, blanks, marks for training.
ODDS = """{%- macro turn(role, text='') -%}
    [{{ role | upper }}]{{ caller() if caller is defined else text }}
{%- endmacro -%}
{%- set ns = namespace(count=0, parts=[]) -%}
{% for message in messages -%}
    {% if message.content == '' %}{% continue %}{% endif %}
    {% if loop.index > 4 %}{% break %}{% endif %}
    {% set ns.count = ns.count + 1 %}
    {% if message.role == 'assistant' %}{% generation %}{{ turn('model', message.content) }}{% endgeneration %}
    {% else %}{{ turn(message.role, message['content'].replace('a', 'A', 1).title()) }}
    {% endif %}
    {{- loop.previtem.role if loop.previtem is defined else 'none' }}
{% endfor %}
{{ ns.count }} {{ messages | map(attribute='role') | join(',') }} {{ messages | selectattr('role', 'equalto', 'user') | list | length }}
{{ {'b': [1, 2.5, none, true], 'a': '<é & "q">'} | tojson }}
{{ ['x', {'k': []}] | tojson(indent=2) }}
{{ ' x y  z '.split() | join('|') }} {{ 'a,b,c'.split(',', 1) }} {{ 'a,b,c'.rsplit(',', 1)[1] }} {{ 'abc'.find('c') }} {{ 'abc'[1:] }} {{ 'abc'[::-1] }}
{{ {'k': 1}.get('k') }} {{ {'k': 1}.get('x', 'd') }} {% for k, v in {'p': 1}.items() %}{{ k }}={{ v }}{% endfor %} {{ 'ab'.startswith(('x', 'a')) }}
{{ 'é'.upper() }} {{ "xx-y-xx".strip('x') }} {{ 'a' ~ 1 ~ 'b' }} {{ 'a' * 3 }} {{ 7 // 2 }} {{ 7 % 4 }} {{ 1 if missing is not defined else 2 }} {{ missing }}|
{%- set x = messages[-1].content.splitlines() %} {{ x | first }} {{ x | last }} {{ 'yes' if 'q' in 'eq' and not false }} {{ strftime_now('%Y-%m-%d') }}
{% filter upper %}done{% endfilter %}

"""

TEMPLATES = {"chatml": CHATML, "llama3": LLAMA3, "mistral": MISTRAL, "gemma": GEMMA, "phi3": PHI3, "zephyr": ZEPHYR, "thinking": THINKING, "odds": ODDS}
MESSAGE = {"s": "system", "u": "user", "a": "assistant"}
CHATS = [
    [["u", "Write a line about peas."]],
    [["s", "  You write verse.\n"], ["u", " Peas?\n"]],
    [["s", "Be brief."], ["u", "Is it good?\nYes or no"], ["a", "yes"], ["u", "And {{ this }} or {% that %}?"]],
    [["u", "one"], ["a", "<think>\nhm\n</think>\n\ntwo"], ["u", "three"], ["a", "<think>\nwell\n</think>\nfour"]],
    [["u", "a"], ["a", ""], ["u", "éa 日本\n🎉"]],
]


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def environment():
    class Generation(jinja2.ext.Extension):
        tags = {"generation"}

        def parse(self, parser):
            next(parser.stream)
            return parser.parse_statements(["name:endgeneration"], drop_needle=True)

    made = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])
    made.filters["tojson"] = lambda x, ensure_ascii=False, indent=None, separators=None, sort_keys=False: json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)
    made.globals["raise_exception"] = raise_exception
    dates = {"%d %b %Y": "26 Jul 2024", "%Y-%m-%d": "2024-07-26"}
    made.globals["strftime_now"] = dates.__getitem__
    return made


def rendered(template, chat, ask):
    messages = [{"role": MESSAGE[role], "content": content} for role, content in chat]
    given = dict(messages=messages, tools=None, documents=None, add_generation_prompt=ask, bos_token="<s>", eos_token="</s>", enable_thinking=False)
    try:
        return environment().from_string(template).render(**given)
    except jinja2.exceptions.TemplateError:
        return None


def main():
    path = sys.argv[1] if len(sys.argv) > 1 else None
    templates = {"given": open(path).read()} if path else TEMPLATES
    expected = {name: [[rendered(template, chat, ask) for ask in (False, True)] for chat in CHATS] for name, template in templates.items()}
    json.dump({"jinja2": jinja2.__version__, "chats": CHATS, "templates": templates, "expected": expected}, sys.stdout, ensure_ascii=False, indent=1)


if __name__ == "__main__":
    main()
