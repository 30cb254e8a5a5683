"""
What the checks of the endpoint plane notice of each fault.

A row has faults that are noticed alike, and the requirements whose checks fail: "CHAT 04 05" is
EP-CHAT-04 and EP-CHAT-05. The laws that a fault breaks stand with the fault itself. What is
not named here nor there breaks no requirement: the service is down or busy, which decides
nothing, or no document says that it must not be so.

`tests/test_faults.py` runs every check on every fault and finds exactly this.

Long because it is one table.
"""

from collections.abc import Iterator, Mapping

__all__ = ["NOTICED"]

_TABLE = (
    ("wrong_content_length balance_text", "AUTH 06 07"),
    (
        "half_json",
        "AUTH 06 07 CACHING 01 02 03 04 05 06 07 08 09 10 11 12 16 23 24 25 CHAT 01 02 03 06 "
        "16 17 18 19 20 21 22 23 24 25 31 32 33 MODELS 01 02 03 04 05 06 STREAM 03 05 07 09 "
        "11 TOOLS 01 02 03 04 05 06 11 16",
    ),
    (
        "no_utf8",
        "AUTH 01 02 03 04 05 06 07 CACHING 01 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16 20 "
        "21 22 23 24 25 CHAT 01 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16 17 18 19 20 21 "
        "22 24 25 26 29 30 31 32 33 ERRORS 01 02 04 05 06 07 09 MODELS 01 02 03 04 05 06 "
        "STREAM 03 05 07 09 10 11 TOOLS 01 02 03 04 05 06 07 08 09 10 11 12 14 15 16",
    ),
    (
        "content_filter",
        "CACHING 04 16 CHAT 01 02 06 18 21 22 24 25 31 33 ERRORS 07 STREAM 01 02 03 04 06 07 "
        "08 09 11 TOOLS 01 02 03 04 11 16",
    ),
    ("accepts_any_key", "AUTH 01 03 04 05"),
    ("accepts_no_key", "AUTH 02"),
    ("forbidden_for_wrong_key", "AUTH 01 02 03 04 05"),
    ("model_before_key", "AUTH 03"),
    (
        "error_without_type error_type_unknown",
        "AUTH 01 02 03 04 CACHING 13 14 15 20 22 23 CHAT 04 05 07 08 09 10 11 12 13 14 15 16 "
        "26 29 30 ERRORS 01 02 06 07 09 TOOLS 07 08 09 10 12 14 15",
    ),
    ("error_without_message error_message_mute", "CHAT 04 11 13 14 16 29 TOOLS 08 09 10"),
    (
        "error_is_text error_is_flat error_is_html error_is_empty",
        "AUTH 01 02 03 04 05 CACHING 13 14 15 20 21 22 23 CHAT 04 05 07 08 09 10 11 12 13 14 "
        "15 16 26 29 30 ERRORS 01 02 06 07 09 STREAM 10 TOOLS 07 08 09 10 12 14 15",
    ),
    (
        "error_with_200",
        "AUTH 01 02 03 04 05 CACHING 08 10 13 14 15 20 21 22 23 CHAT 04 05 07 08 09 10 11 12 "
        "13 14 15 16 26 29 30 ERRORS 01 02 06 07 09 STREAM 10 TOOLS 07 08 09 10 12 14 15",
    ),
    ("error_type_wrong", "AUTH 01 02 03 04 CHAT 14 ERRORS 06"),
    ("unknown_path_is_html", "ERRORS 04 05"),
    ("unknown_path_accepted", "ERRORS 03 04 05"),
    ("accepts_model_type", "CHAT 14 ERRORS 09 STREAM 10"),
    ("accepts_model_not_found", "CHAT 14 STREAM 10"),
    ("accepts_messages_type accepts_messages_empty", "CHAT 11 ERRORS 02 07 STREAM 10"),
    (
        "accepts_temperature_type accepts_top_p_type accepts_n_type accepts_max_tokens_type "
        "accepts_presence_penalty_type accepts_frequency_penalty_type accepts_stream_type "
        "accepts_stream_options_type accepts_stop_type accepts_tools_type "
        "accepts_tool_choice_type accepts_response_format_type accepts_tool_type",
        "ERRORS 09",
    ),
    ("accepts_message_type", "ERRORS 02"),
    ("accepts_role_unknown", "CHAT 12"),
    ("accepts_content_type", "CHAT 26"),
    ("accepts_assistant_empty", "CHAT 13"),
    ("accepts_tool_calls_unanswered", "TOOLS 08"),
    ("accepts_tool_call_id_missing", "TOOLS 07"),
    ("accepts_tool_call_id_unknown", "TOOLS 14"),
    ("accepts_part_type", "CHAT 29"),
    ("accepts_temperature_range", "CHAT 09 STREAM 10"),
    (
        "accepts_top_p_range accepts_presence_penalty_range accepts_frequency_penalty_range",
        "CHAT 10",
    ),
    ("accepts_n_range", "CHAT 07"),
    ("accepts_n_with_greedy", "CHAT 08"),
    ("accepts_stop_too_many", "CHAT 04"),
    ("accepts_stop_too_long", "CHAT 05"),
    ("accepts_response_format_unknown", "CHAT 30"),
    ("accepts_tool_type_unknown", "TOOLS 10"),
    ("accepts_tool_name_invalid", "TOOLS 09"),
    ("accepts_tool_choice_unknown", "TOOLS 12"),
    ("accepts_tool_choice_missing", "TOOLS 15"),
    ("accepts_token_limit", "CHAT 15 16"),
    ("accepts_cache_family", "CACHING 21"),
    (
        "accepts_name_type accepts_description_type accepts_ttl_type accepts_expired_at_type "
        "accepts_metadata_type",
        "CACHING 20",
    ),
    ("accepts_cache_partial", "CACHING 22"),
    (
        "accepts_cache_text_too_long accepts_cache_metadata_too_many "
        "accepts_cache_metadata_too_long",
        "CACHING 15",
    ),
    ("accepts_cache_two_expiries", "CACHING 13"),
    ("accepts_cache_ttl_not_positive accepts_cache_expired_at", "CACHING 14"),
    ("refuses_temperature", "CHAT 06 19 31 STREAM 06 11"),
    ("refuses_top_p refuses_presence_penalty refuses_frequency_penalty", "CHAT 31"),
    ("refuses_n", "CHAT 06 31 STREAM 06"),
    (
        "refuses_max_tokens",
        "CACHING 04 16 CHAT 01 02 06 18 21 22 24 25 31 33 STREAM 01 02 03 04 06 07 08 09 11 "
        "TOOLS 01 02 03 04 11 16",
    ),
    ("refuses_stop", "CHAT 03 19 31 STREAM 05"),
    ("refuses_stream", "STREAM 01 02 03 04 05 06 07 08 09 11 TOOLS 04"),
    ("refuses_stream_options usage_chunk_missing", "STREAM 07"),
    ("refuses_tools", "CACHING 04 TOOLS 01 02 03 04 11 16"),
    ("refuses_tool_choice", "TOOLS 06 11"),
    ("refuses_response_format", "CHAT 25 31"),
    ("models_without_data models_bare models_by_id", "MODELS 01 02 03 04 05 06"),
    ("models_empty", "MODELS 01 02 04 05 06"),
    ("model_without_id", "MODELS 01 02 04 05"),
    ("model_id_number models_foreign", "MODELS 01 04 05"),
    ("model_owner_foreign model_owner_number", "MODELS 06"),
    ("window_missing", "MODELS 03"),
    ("window_text window_zero window_small window_decimal", "MODELS 04"),
    ("model_dropped", "MODELS 05"),
    ("object_wrong", "STREAM 09"),
    ("id_missing id_constant", "CHAT 32"),
    ("created_missing created_zero created_old", "CHAT 33"),
    ("choices_empty", "CHAT 01 02 03 06 20 24 25 31 STREAM 05 11 TOOLS 02 03 04 05 06 11 16"),
    ("choices_from_1", "CHAT 06"),
    ("finish_reason_wrong finish_reason_null", "CHAT 01 02 03 06 TOOLS 02 06 16"),
    ("finish_tool_calls_without", "CHAT 01 03 06 TOOLS 06"),
    ("finish_stop_with_calls", "TOOLS 02 16"),
    ("finish_hides_length", "CHAT 02"),
    ("role_wrong", "CHAT 20 31 TOOLS 05"),
    ("content_missing", "CHAT 03 20 25 STREAM 05 11"),
    ("content_parts", "CHAT 03 25 STREAM 05 11"),
    ("content_no_json", "CHAT 25 STREAM 11"),
    ("model_other", "MODELS 01"),
    ("usage_missing", "CACHING 04 CHAT 01 02 16 17 18 19 20 21 22 24 STREAM 03 07 TOOLS 01 05"),
    ("usage_negative usage_zero", "CHAT 01 24"),
    ("usage_text", "CACHING 04 CHAT 01 16 STREAM 03 07 TOOLS 01 05"),
    ("usage_constant_prompt", "CHAT 16 18 20 21 STREAM 03 07 TOOLS 01 05"),
    ("usage_without_tools", "TOOLS 01"),
    ("call_without_id refuses_results", "TOOLS 05"),
    ("call_name_other", "TOOLS 02 04 06 11 16"),
    ("call_arguments_cut call_arguments_object call_arguments_foreign", "TOOLS 03"),
    ("ignores_n", "CHAT 06 07 08 ERRORS 09 STREAM 06"),
    ("ignores_max_tokens", "CHAT 02 15 16 ERRORS 09 STREAM 04"),
    ("ignores_stop", "CHAT 03 04 05 ERRORS 09 STREAM 05"),
    ("ignores_tools", "CACHING 04 23 ERRORS 09 TOOLS 01 02 09 10 11 16"),
    ("ignores_tool_choice", "ERRORS 09 TOOLS 06 11 12 15"),
    ("ignores_response_format", "CHAT 25 30 ERRORS 09"),
    ("ignores_stream", "ERRORS 09 STREAM 01 02 03 04 05 06 07 08 11 TOOLS 04"),
    ("ignores_stream_options", "ERRORS 09 STREAM 07"),
    ("data_after_done", "STREAM 07 08"),
    (
        "blank_lines_missing field_name_wrong field_name_missing stream_error choices_missing",
        "STREAM 01 02 03 04 05 06 07 08 11 TOOLS 04",
    ),
    ("chunk_json_broken", "STREAM 01 02 03 04 05 06 07 08 11"),
    ("finish_missing stream_finish_null", "STREAM 02 03 04 05 06"),
    ("stream_finish_wrong", "STREAM 04 05"),
    ("delta_after_finish text_lost text_doubled text_grows", "STREAM 11"),
    ("choice_index_missing", "STREAM 02 03 04 05 06 11"),
    ("delta_is_message", "STREAM 01 11 TOOLS 04"),
    ("stream_usage_missing", "STREAM 02 03 04 06 07"),
    ("choice_usage_missing", "STREAM 02 03 04 06"),
    ("stream_call_arguments_cut", "TOOLS 04"),
    ("cache_without_id", "CACHING 03 04 05 06 07 08 09 10 11 12 16 23 24 25"),
    ("cache_id_empty", "CACHING 03 04 06 08 11 12 16"),
    ("cache_status_wrong cache_error_mute", "CACHING 01"),
    ("cache_ttl_fixed", "CACHING 02 06 12 13 14 20"),
    ("cache_tokens_wrong", "CACHING 24"),
    ("cache_unlisted", "CACHING 11"),
    ("cache_keeps_deleted", "CACHING 08 09"),
    ("cache_deletes_unknown", "CACHING 10"),
    ("cache_deletion_mute", "CACHING 08"),
    (
        "cache_hit_on_mismatch cache_hit_on_other_tools cache_hit_on_other_model "
        "cache_hit_on_white_space",
        "CACHING 05",
    ),
    ("cache_mismatch_is_error cache_saved_on_miss", "CACHING 05 09"),
    ("cache_never_hits", "CACHING 04"),
    ("cache_key_order_counts", "CACHING 25"),
    ("cache_ttl_kept cache_ttl_added", "CACHING 06"),
    ("cache_saved_zero cache_saved_missing", "CACHING 04 16 24"),
    ("cache_forgets_tools", "CACHING 03"),
    ("cache_change_ignored cache_change_forgets_name", "CACHING 12"),
    ("cache_unknown_is_empty", "CACHING 08 10"),
    ("cache_use_prolongs", "CACHING 07"),
    ("cache_role_takes_tools", "CACHING 23"),
    ("cache_message_ignored", "CACHING 16 23"),
    ("prompt_drifts", "CHAT 16 17 19 22 STREAM 03 07"),
    ("key_order_counts", "CHAT 17"),
    ("forgets_turns", "CACHING 04 16 23 CHAT 13 18 20 TOOLS 05"),
    ("refuses_parts", "CHAT 21"),
    ("refuses_unknown", "CHAT 22"),
    ("partial_repeated", "CHAT 24"),
    ("streams_when_named", "ERRORS 09 STREAM 09"),
    ("one_chunk", "STREAM 01"),
    ("stream_prompt_more", "STREAM 03 07"),
    ("usage_chunk_unasked", "STREAM 08"),
    ("usage_of_first_choice", "STREAM 06"),
    ("balance_debt_eats_voucher", "AUTH 07"),
    ("estimate_constant", "CHAT 23"),
    ("embeddings_open", "ERRORS 06"),
    ("models_flap", "MODELS 02"),
    ("key_repeated", "AUTH 05"),
    ("refusal_in_stream", "AUTH 04 STREAM 10"),
    ("malformed_is_422", "ERRORS 01"),
    ("method_is_405", "ERRORS 05"),
    ("request_id_missing request_id_constant", "ERRORS 07"),
    (
        "gzip_broken",
        "AUTH 01 02 03 04 05 06 07 CACHING 01 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16 20 "
        "21 22 23 24 25 CHAT 01 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16 17 18 19 20 21 "
        "22 23 24 25 26 29 30 31 32 33 ERRORS 01 02 03 04 05 06 07 09 MODELS 01 02 03 04 05 "
        "06 STREAM 03 05 07 09 10 11 TOOLS 01 02 03 04 05 06 07 08 09 10 11 12 14 15 16",
    ),
    # tags of caches
    (
        "half_json no_utf8 cache_without_id gzip_broken",
        "CACHING 17 30 31 32 33 34 35 36 37 38 39 40 41 42 43 44",
    ),
    (
        "content_filter refuses_max_tokens forgets_turns cache_message_ignored "
        "cache_message_tag_ignored",
        "CACHING 17 42 43",
    ),
    (
        "accepts_any_key accepts_no_key forbidden_for_wrong_key cache_for_anybody tag_for_anybody",
        "CACHING 41",
    ),
    ("error_without_type error_type_unknown", "CACHING 36 37 41 44"),
    ("error_is_text error_is_flat error_is_html error_is_empty", "CACHING 36 37 38 41 44"),
    ("error_with_200", "CACHING 34 36 37 38 40 41 44"),
    ("error_type_wrong", "CACHING 36 41"),
    ("accepts_tags_type", "CACHING 20 37"),
    ("accepts_cache_tags accepts_cache_tag", "CACHING 37"),
    ("accepts_tag_type", "CACHING 37 44"),
    ("accepts_cache_id_type", "CACHING 44"),
    (
        "usage_total_wrong usage_constant_prompt prompt_drifts cache_message_dry_run_ignored",
        "CACHING 43",
    ),
    ("cache_id_empty", "CACHING 30 39"),
    ("cache_ttl_fixed cache_message_ttl_ignored", "CACHING 42"),
    ("cache_unknown_is_empty tag_unknown_is_known", "CACHING 34 36 40"),
    ("tag_without_cache", "CACHING 17 30 39"),
    ("tag_object_wrong", "CACHING 30"),
    ("tag_never_moves", "CACHING 17"),
    ("tag_keeps_deleted tag_deletes_cache", "CACHING 34"),
    ("tag_deletion_mute tag_unknown_undeletable", "CACHING 35"),
    ("tag_outlives_cache", "CACHING 40"),
    ("tag_content_is_tag", "CACHING 31"),
    ("tag_pages_overlap tag_pages_endless", "CACHING 33"),
    ("tag_unlisted", "CACHING 32 33"),
    ("tag_for_any_cache", "CACHING 38"),
    ("tags_of_creation_ignored", "CACHING 20 37 39"),
    # from here on: in the edition 2026-09
    ("accepts_length_mistyped accepts_thinking_mistyped", "ERRORS 10"),
    ("accepts_logit_bias", "CHAT 35"),
    ("accepts_top_logprobs", "CHAT 36"),
    ("accepts_response_schema_missing", "CHAT 37"),
    ("accepts_image_format", "CHAT 38"),
    ("accepts_response_schema_flawed", "CHAT 39"),
    ("accepts_value_fixed", "THINKING 04 06"),
    ("accepts_reasoning_missing", "THINKING 07"),
    ("accepts_tool_choice_without_tools", "TOOLS 18"),
    ("accepts_tool_choice_thinking", "TOOLS 19"),
    ("accepts_parameters_flawed", "TOOLS 21"),
    ("retired_served", "MODELS 07"),
    ("retired_listed", "MODELS 08"),
    ("capabilities_missing", "MODELS 09"),
    ("reasoning_hidden", "THINKING 01 03"),
    ("reasoning_uncounted", "THINKING 02"),
    ("reasoning_last", "THINKING 08"),
    ("ignores_thinking", "ERRORS 10 THINKING 03 TOOLS 20"),
    ("ignores_max_completion_tokens", "ERRORS 10 THINKING 09"),
    ("fixed_value_refused", "THINKING 05"),
    ("required_call_optional", "TOOLS 18 19 20"),
    ("cached_not_counted", "CACHING 26 CHAT 17 22 STREAM 03 07"),
    # the services beside chat: files, official tools, the Anthropic face
    (
        "half_json",
        "ANTHROPIC 01 05 06 08 09 12 FILES 01 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16 "
        "FORMULAS 01 02 04 06 07 08",
    ),
    (
        "no_utf8",
        "ANTHROPIC 01 02 03 04 05 06 08 09 10 11 12 13 14 FILES 01 02 03 04 05 06 07 08 09 10 "
        "11 12 13 14 15 16 FORMULAS 01 02 04 05 06 07 08",
    ),
    ("content_filter refuses_max_tokens", "FILES 15 FORMULAS 01 06 07 08"),
    ("accepts_any_key forbidden_for_wrong_key", "ANTHROPIC 11 12 FILES 13 14 FORMULAS 05"),
    ("accepts_no_key error_type_wrong", "ANTHROPIC 11 FILES 13 14 FORMULAS 05"),
    (
        "error_without_type error_type_unknown",
        "ANTHROPIC 10 11 FILES 09 10 11 12 13 14 FORMULAS 05",
    ),
    ("error_without_message", "ANTHROPIC 10 FILES 09"),
    (
        "error_is_text error_is_flat",
        "ANTHROPIC 10 11 12 14 FILES 08 09 10 11 12 13 14 FORMULAS 05",
    ),
    (
        "error_is_html error_is_empty",
        "ANTHROPIC 10 11 12 14 FILES 08 09 10 11 12 13 14 FORMULAS 04 05",
    ),
    ("error_with_200", "ANTHROPIC 10 11 12 14 FILES 07 08 09 10 11 12 13 14 FORMULAS 03 05"),
    ("error_message_mute accepts_file_purpose", "FILES 09"),
    ("unknown_path_is_html unknown_path_accepted message_method_is_405", "ANTHROPIC 13"),
    ("accepts_file_missing", "FILES 11"),
    ("accepts_file_empty", "FILES 10"),
    ("accepts_formula_function accepts_formula_arguments", "FORMULAS 04"),
    ("refuses_tools", "FORMULAS 01 06 07 08"),
    ("choices_empty call_arguments_object refuses_unknown", "FORMULAS 06 07 08"),
    ("finish_reason_wrong finish_reason_null", "FORMULAS 06 07"),
    ("finish_tool_calls_without content_missing", "FORMULAS 07"),
    ("finish_stop_with_calls call_type_wrong search_is_a_function", "FORMULAS 06"),
    ("usage_missing usage_text usage_constant_prompt", "FILES 15 FORMULAS 08"),
    ("call_without_id refuses_results search_result_refused", "FORMULAS 07 08"),
    ("call_arguments_cut", "FORMULAS 06 08"),
    ("call_arguments_foreign search_for_nothing", "FORMULAS 08"),
    ("forgets_turns", "FILES 15 FORMULAS 07 08"),
    (
        "gzip_broken",
        "ANTHROPIC 01 05 06 08 09 10 11 12 13 14 FILES 01 02 03 04 05 06 07 08 09 10 11 12 13 "
        "14 15 16 FORMULAS 01 02 03 04 05 06 07 08",
    ),
    ("file_bytes_wrong file_without_id", "FILES 01"),
    ("file_status_pending", "FILES 02"),
    ("file_name_lost", "FILES 03"),
    ("file_unlisted", "FILES 04"),
    ("file_content_raw file_content_empty", "FILES 05"),
    ("file_deletion_mute", "FILES 06"),
    ("file_keeps_deleted", "FILES 07"),
    ("file_unknown_is_empty", "FILES 07 08"),
    ("file_deletes_unknown", "FILES 08"),
    ("file_takes_json", "FILES 12"),
    ("file_for_anybody", "FILES 13"),
    ("file_from_anybody", "FILES 14"),
    ("file_same_again", "FILES 16"),
    ("file_unread", "FILES 15"),
    ("formula_definitions_bare", "FORMULAS 01"),
    ("formula_mute", "FORMULAS 02"),
    ("formula_unknown_is_known", "FORMULAS 03"),
    ("formula_for_anybody", "FORMULAS 05"),
    ("message_content_text", "ANTHROPIC 01"),
    ("message_stop_missing message_block_open", "ANTHROPIC 02"),
    ("message_events_nameless", "ANTHROPIC 03"),
    ("message_usage_grows", "ANTHROPIC 04"),
    ("message_hides_length", "ANTHROPIC 05"),
    ("message_input_text", "ANTHROPIC 06"),
    ("message_input_cut", "ANTHROPIC 07"),
    ("message_drops_results", "ANTHROPIC 08"),
    ("message_drops_system", "ANTHROPIC 09"),
    ("message_error_kimi", "ANTHROPIC 10"),
    ("message_key_anthropic", "ANTHROPIC 11"),
    ("message_bearer_only", "ANTHROPIC 12"),
    ("message_takes_anything", "ANTHROPIC 10 14"),
    # the same and batches, in the edition 2026-09
    ("accepts_file_no_jsonl", "FILES 18"),
    ("accepts_batch_endpoint accepts_batch_window batch_takes_any_file", "BATCHES 09"),
    ("accepts_batch_metadata_too_many accepts_batch_metadata_pair", "BATCHES 10"),
    ("file_only_texts", "FILES 17"),
    ("batch_without_counts", "BATCHES 01"),
    ("batch_metadata_lost", "BATCHES 02"),
    ("batch_pages_repeat batch_list_untyped", "BATCHES 03"),
    ("batch_results_nameless", "BATCHES 04 05"),
    ("batch_errors_lost", "BATCHES 05"),
    ("batch_unstoppable", "BATCHES 06 07"),
    ("batch_cancels_ended", "BATCHES 07"),
    ("batch_unknown_is_empty", "BATCHES 08"),
    ("batch_half_sound", "BATCHES 11"),
    ("batch_for_anybody", "BATCHES 12"),
    ("batch_from_anybody", "BATCHES 13"),
    # shares, and what models do wrong now and then
    (
        "half_json no_utf8 content_filter refuses_max_tokens refuses_stream refuses_tools "
        "choices_empty stream_error choices_missing delta_is_message gzip_broken",
        "ACCURACY 01 02 03",
    ),
    (
        "finish_reason_wrong finish_reason_null finish_stop_with_calls finish_missing "
        "stream_finish_null stream_finish_wrong finish_tool_calls_without "
        "tool_call_ends_in_length",
        "ACCURACY 03",
    ),
    (
        "call_name_other call_arguments_cut call_arguments_object call_arguments_foreign "
        "stream_call_arguments_cut tool_arguments_invalid",
        "ACCURACY 01",
    ),
    (
        "ignores_tools ignores_stream blank_lines_missing field_name_wrong field_name_missing "
        "chunk_json_broken tool_call_missing tool_call_needless",
        "ACCURACY 02 03",
    ),
    ("tool_arguments_invalid", "TOOLS 03 04"),
    ("tool_call_missing", "TOOLS 02 16"),
    ("tool_call_ends_in_length", "TOOLS 02 16 FORMULAS 06"),
    (
        "half_json no_utf8 accepts_any_key accepts_no_key forbidden_for_wrong_key "
        "error_without_type error_is_text error_is_flat error_is_html error_is_empty "
        "error_with_200 error_type_unknown error_type_wrong cache_without_id cache_for_anybody "
        "gzip_broken",
        "CACHING 29",
    ),
    ("reasoning_hidden", "THINKING 13"),
    ("refuses_reasoning", "THINKING 13 14 FORMULAS 07 08"),
    ("partial_repeated_in_2026", "CHAT 41"),
    ("forbidden_call_made", "TOOLS 22"),
    ("file_never_found", "FILES 21"),
    ("accepts_file_reference", "FILES 22"),
    ("schema_dropped", "CHAT 40"),
    ("schema_dropped_in_streams", "STREAM 13"),
)


def _ids(short: str) -> Iterator[str]:
    topic = ""
    for word in short.split():
        if word.isdigit():
            yield f"EP-{topic}-{word}"
        else:
            topic = word


def _noticed() -> Mapping[str, frozenset[str]]:
    """The table by faults; what stands in several rows is taken together."""
    found: dict[str, set[str]] = {}
    for names, short in _TABLE:
        for name in names.split():
            found.setdefault(name, set()).update(_ids(short))
    return {name: frozenset(ids) for name, ids in found.items()}


NOTICED: Mapping[str, frozenset[str]] = _noticed()
"""The ids of the requirements whose checks fail, by the name of the fault."""
