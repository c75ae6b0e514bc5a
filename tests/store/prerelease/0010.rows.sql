-- Rows of a store at 0010, for SQLite and PostgreSQL alike. The folder of its cards is /srv/newsdesk/cards.
INSERT INTO "cards" ("id", "slug", "timeline", "published_at", "state", "held_reason", "title", "provider", "quality", "heat", "details", "revision", "content", "gone", "visible_at", "unplanned", "story_id", "filed_state", "points") VALUES
(1, 'comet', 477899722535731201, 1780315200000000, 'published', NULL, 'A comet passes the Moon', 'orbit', 80, 120, '{"excerpt": "Excerpt of comet", "raw_title": "A comet passes the Moon", "raw_excerpt": "Excerpt of comet", "url": "https://example.org/comet", "type": "article", "provider": {"name": "Orbit", "domain": "orbit.example", "icon": null}, "topics": ["Space"]}', 'f2745b792c93e570f5638309', '7f8be59ad3b5f9db5a5715a4', false, 1780315201000000, false, 1, 'published', 120),
(2, 'edited', 477918103653580802, 1780383675000000, 'published', NULL, 'Numbers that changed', 'example', 80, 80, '{"excerpt": "Excerpt of edited", "raw_title": "Numbers that changed", "raw_excerpt": "Excerpt of edited", "url": "https://example.org/edited", "type": "article", "provider": {"name": "Example", "domain": "example.org", "icon": null}, "topics": ["Space", "Python"]}', '0352837ada7fbb760f763c38', '71df5d4b853563cfa5d71103', false, 1780315201000000, false, 2, 'published', 80),
(3, 'held', 477899722535731203, 1780315200000000, 'held', 'below_bar', 'Nobody has scored this', 'example', 0, 0, '{"excerpt": "Excerpt of held", "raw_title": "Nobody has scored this", "raw_excerpt": "Excerpt of held", "url": "https://example.org/held", "type": "article", "provider": {"name": "Example", "domain": "example.org", "icon": null}, "topics": ["Python"]}', 'adfd2030256021aec8f62db2', '256f453486fddbc50594c38c', false, NULL, false, 3, 'held', 0),
(4, 'posted', 477899722535731204, 1780315200000000, 'published', NULL, 'The first release is out', 'example', 80, 80, '{"excerpt": "Excerpt of posted", "raw_title": "The first release is out", "raw_excerpt": "Excerpt of posted", "url": "https://example.org/posted", "type": "article", "provider": {"name": "Example", "domain": "example.org", "icon": null}, "topics": ["Python"]}', 'fde8db866aaae81ded594c0d', 'c24f2ec58de568c296a24414', false, 1780315201000000, false, 4, 'published', 80),
(5, 'removed', 477918101506097157, 1780383667000000, 'published', NULL, 'Deleted by a moderator, then edited', 'example', 80, 80, '{"excerpt": "Excerpt of removed", "raw_title": "Deleted by a moderator, then edited", "raw_excerpt": "Excerpt of removed", "url": "https://example.org/removed", "type": "article", "provider": {"name": "Example", "domain": "example.org", "icon": null}, "topics": ["Python"]}', '8ce1de7567ce000cea8ea73d', '2f44963d82abf498eaf56863', false, 1780315201000000, false, 5, 'published', 80),
(6, 'unpublished', 477918101237661702, 1780383666000000, 'held', 'below_bar', 'Too early to tell', 'example', 80, 80, '{"excerpt": "Excerpt of unpublished", "raw_title": "Too early to tell", "raw_excerpt": "Excerpt of unpublished", "url": "https://example.org/unpublished", "type": "article", "provider": {"name": "Example", "domain": "example.org", "icon": null}, "topics": ["Python"]}', '953a520c0eec4d1845ad3be0', '4d942be9a033381b7f503da4', false, NULL, false, 6, 'held', 80),
(7, 'withdrawn', 477899722535731207, 1780315200000000, 'withdrawn', NULL, 'A rumour about a bridge', 'example', 80, 80, '{"excerpt": "Excerpt of withdrawn", "raw_title": "A rumour about a bridge", "raw_excerpt": "Excerpt of withdrawn", "url": "https://example.org/withdrawn", "type": "article", "provider": {"name": "Example", "domain": "example.org", "icon": null}, "topics": ["Space"]}', 'd25f48be9f339ebdfcd2954c', '519dfbf38a18ce3da3e2e17d', false, NULL, false, 7, 'published', 80),
(8, 'morning', 477918100432355336, 1780383663000000, 'published', NULL, 'Good news before breakfast', 'example', 80, 80, '{"excerpt": "Excerpt of morning", "raw_title": "Good news before breakfast", "raw_excerpt": "Excerpt of morning", "url": "https://example.org/morning", "type": "article", "provider": {"name": "Example", "domain": "example.org", "icon": null}, "topics": ["Space"]}', '6bbe00699a39ed8ec83c8994', 'ef919c0f06c8cfb75a4125f4', false, 1780383664000000, false, 8, 'published', 80),
(9, 'refused', 477918101774532617, 1780383668000000, 'published', NULL, 'Discord does not like this', 'example', 80, 80, '{"excerpt": "Excerpt of refused", "raw_title": "Discord does not like this", "raw_excerpt": "Excerpt of refused", "url": "https://example.org/refused", "type": "article", "provider": {"name": "Example", "domain": "example.org", "icon": null}, "topics": ["Other"]}', '6041a459155206cfab3fbb43', '497a31859ba95ea97a5219ea', false, 1780383669000000, false, 9, 'published', 80),
(10, 'quiet', 477918103385145354, 1780383674000000, 'published', NULL, 'A moon found in the night', 'example', 80, 20, '{"excerpt": "Excerpt of quiet", "raw_title": "A moon found in the night", "raw_excerpt": "Excerpt of quiet", "url": "https://example.org/quiet", "type": "article", "provider": {"name": "Example", "domain": "example.org", "icon": null}, "topics": ["Space"]}', '528120fe509e70ed5aec1912', '45fd82b1c592b742160a6766', false, 1780383675000000, false, 10, 'published', 20),
(11, 'sending', 477918103653580811, 1780383675000000, 'published', NULL, 'Sent when the process ended', 'example', 80, 80, '{"excerpt": "Excerpt of sending", "raw_title": "Sent when the process ended", "raw_excerpt": "Excerpt of sending", "url": "https://example.org/sending", "type": "article", "provider": {"name": "Example", "domain": "example.org", "icon": null}, "topics": ["Other"]}', '3696f55c2fe4c4eb748f9359', 'c19ebad129f5e3f9b9eff072', false, 1780383676000000, false, 11, 'published', 80),
(12, 'waiting', 477918103653580812, 1780383675000000, 'published', NULL, 'Posted after the upgrade', 'example', 80, 80, '{"excerpt": "Excerpt of waiting", "raw_title": "Posted after the upgrade", "raw_excerpt": "Excerpt of waiting", "url": "https://example.org/waiting", "type": "article", "provider": {"name": "Example", "domain": "example.org", "icon": null}, "topics": ["Other"]}', '4a30aa5a1f51276727ed5912', 'b804e5519d063cb02f9df397', false, 1780383676000000, false, 12, 'published', 80);
INSERT INTO "channel_claims" ("channel_id", "holder", "until") VALUES
(10, 'courier-1', 1780383676000000);
INSERT INTO "circuits" ("channel_id", "guild_id", "reason", "failures", "opened_at", "probe_at") VALUES
(21, 2, 'Missing Permissions', 3, 1780383676000000, 1780387276000000);
INSERT INTO "deliveries" ("id", "subscription_id", "guild_id", "channel_id", "timeline", "wanted", "actual", "message_id", "progress", "attempts", "due_at", "sent_at", "plain", "last_error", "planned_at", "settled_at", "slot", "part", "layout", "heading", "mention", "on_withdrawal", "forum", "crosspost", "crossposted_at", "user_id", "language") VALUES
(1, 1, 1, 10, 477899722535731201, '1:f2745b792c93e570f5638309~1', '1:f2745b792c93e570f5638309~1', 100, 'settled', 0, NULL, 1780315201000000, false, NULL, 1780315201000000, 1780383666000000, NULL, 0, 'card', NULL, NULL, 'delete', false, NULL, NULL, NULL, 'en'),
(2, 3, 1, 12, 477899722535731201, '1:f2745b792c93e570f5638309~1', '1:f2745b792c93e570f5638309~1', 101, 'settled', 0, NULL, 1780315201000000, false, NULL, 1780315201000000, 1780383666000000, NULL, 0, 'card', NULL, 901, 'mark', false, 'done', 1780315201000000, NULL, 'en'),
(3, 4, 2, 20, 477899722535731201, '1:f2745b792c93e570f5638309', '1:f2745b792c93e570f5638309', 102, 'settled', 0, NULL, 1780315201000000, false, NULL, 1780315201000000, 1780315201000000, NULL, 0, 'card', NULL, NULL, 'delete', true, NULL, NULL, NULL, 'en'),
(4, 1, 1, 10, 477899722535731202, '2:0352837ada7fbb760f763c38', '2:7d0f8eac3a7b81042740cc71', 104, 'waiting', 1, 1780383677864611, 1780315201000000, false, 'the server is busy', 1780315201000000, 1780315201000000, NULL, 0, 'card', NULL, NULL, 'delete', false, NULL, NULL, NULL, 'en'),
(5, 3, 1, 12, 477899722535731202, '2:0352837ada7fbb760f763c38', '2:7d0f8eac3a7b81042740cc71', 105, 'waiting', 1, 1780383677824571, 1780315201000000, false, 'the server is busy', 1780315201000000, 1780315201000000, NULL, 0, 'card', NULL, 901, 'mark', false, 'done', 1780315201000000, NULL, 'en'),
(6, 4, 2, 20, 477899722535731202, '2:0352837ada7fbb760f763c38', '2:7d0f8eac3a7b81042740cc71', 106, 'waiting', 1, 1780383678154914, 1780315201000000, false, 'the server is busy', 1780315201000000, 1780315201000000, NULL, 0, 'card', NULL, NULL, 'delete', true, NULL, NULL, NULL, 'en'),
(7, 1, 1, 10, 477899722535731204, '4:fde8db866aaae81ded594c0d', '4:fde8db866aaae81ded594c0d', 107, 'settled', 0, NULL, 1780315201000000, false, NULL, 1780315201000000, 1780315201000000, NULL, 0, 'card', NULL, NULL, 'delete', false, NULL, NULL, NULL, 'en'),
(8, 4, 2, 20, 477899722535731204, '4:fde8db866aaae81ded594c0d', '4:fde8db866aaae81ded594c0d', 109, 'settled', 0, NULL, 1780315201000000, false, NULL, 1780315201000000, 1780315201000000, NULL, 0, 'card', NULL, NULL, 'delete', true, NULL, NULL, NULL, 'en'),
(9, 1, 1, 10, 477899722535731205, '5:8ce1de7567ce000cea8ea73d', NULL, NULL, 'removed', 0, NULL, 1780315201000000, false, NULL, 1780315201000000, 1780383668000000, NULL, 0, 'card', NULL, NULL, 'delete', false, NULL, NULL, NULL, 'en'),
(10, 4, 2, 20, 477899722535731205, '5:8ce1de7567ce000cea8ea73d', NULL, NULL, 'removed', 0, NULL, 1780315201000000, false, NULL, 1780315201000000, 1780383668000000, NULL, 0, 'card', NULL, NULL, 'delete', true, NULL, NULL, NULL, 'en'),
(11, 1, 1, 10, 477899722535731206, 'unpublished', 'unpublished', 112, 'settled', 0, NULL, 1780315201000000, false, NULL, 1780315201000000, 1780383667000000, NULL, 0, 'card', NULL, NULL, 'delete', false, NULL, NULL, NULL, 'en'),
(12, 4, 2, 20, 477899722535731206, 'unpublished', 'unpublished', 113, 'settled', 0, NULL, 1780315201000000, false, NULL, 1780315201000000, 1780383667000000, NULL, 0, 'card', NULL, NULL, 'delete', true, NULL, NULL, NULL, 'en'),
(13, 1, 1, 10, 477899722535731207, NULL, NULL, NULL, 'settled', 0, NULL, 1780315201000000, false, NULL, 1780315201000000, 1780383666000000, NULL, 0, 'card', NULL, NULL, 'delete', false, NULL, NULL, NULL, 'en'),
(14, 3, 1, 12, 477899722535731207, 'withdrawn', 'withdrawn', 108, 'settled', 0, NULL, 1780315201000000, false, NULL, 1780315201000000, 1780383666000000, NULL, 0, 'card', NULL, 901, 'mark', false, 'done', 1780315201000000, NULL, 'en'),
(15, 4, 2, 20, 477899722535731207, NULL, NULL, NULL, 'settled', 0, NULL, 1780315201000000, false, NULL, 1780315201000000, 1780383666000000, NULL, 0, 'card', NULL, NULL, 'delete', true, NULL, NULL, NULL, 'en'),
(16, 0, 1, 15, 477899722535731203, '3:adfd2030256021aec8f62db2~3~0', '3:adfd2030256021aec8f62db2~3~0', 103, 'settled', 0, NULL, 1780315201000000, false, NULL, 1780315201000000, 1780383666000000, NULL, 0, 'review', NULL, NULL, 'delete', false, NULL, NULL, NULL, 'en'),
(17, 2, 1, 11, 477903104822476800, '1:f2745b792c93e570f5638309~1', '1:f2745b792c93e570f5638309~1', 116, 'settled', 0, NULL, 1780327863000000, false, NULL, 1780327863000000, 1780383667000000, '2026-06-01 17:30', 0, 'list', '**Tagesüberblick** · <t:1780327800:D>', 900, 'delete', false, NULL, NULL, NULL, 'de'),
(18, 1, 1, 10, 477918100432355336, '8:6bbe00699a39ed8ec83c8994', '8:6bbe00699a39ed8ec83c8994', 117, 'settled', 0, NULL, 1780383664000000, false, NULL, 1780383664000000, 1780383664000000, NULL, 0, 'card', NULL, NULL, 'delete', false, NULL, NULL, NULL, 'en'),
(19, 3, 1, 12, 477918100432355336, '8:6bbe00699a39ed8ec83c8994', '8:6bbe00699a39ed8ec83c8994', 119, 'settled', 0, NULL, 1780383664000000, false, NULL, 1780383664000000, 1780383664000000, NULL, 0, 'card', NULL, 901, 'mark', false, 'wanted', NULL, NULL, 'en'),
(20, 4, 2, 20, 477918100432355336, '8:6bbe00699a39ed8ec83c8994', '8:6bbe00699a39ed8ec83c8994', 120, 'settled', 0, NULL, 1780383664000000, true, NULL, 1780383664000000, 1780383664000000, NULL, 0, 'card', NULL, NULL, 'delete', true, NULL, NULL, NULL, 'en'),
(21, 2, 1, 11, 477918083520921600, '8:6bbe00699a39ed8ec83c8994', '8:6bbe00699a39ed8ec83c8994', 118, 'settled', 0, NULL, 1780383664000000, false, NULL, 1780383664000000, 1780383664000000, '2026-06-02 09:00', 0, 'list', '**Tagesüberblick** · <t:1780383600:D>', 900, 'delete', false, NULL, NULL, NULL, 'de'),
(22, 7, 1, 70, 477918083520921600, '8:6bbe00699a39ed8ec83c8994 1:f2745b792c93e570f5638309~1', '8:6bbe00699a39ed8ec83c8994 1:f2745b792c93e570f5638309~1', 121, 'settled', 0, NULL, 1780383664000000, false, NULL, 1780383664000000, 1780383666000000, '2026-06-02 09:00', 0, 'cards', '**Daily digest** · Space · <t:1780383600:D>', NULL, 'delete', false, NULL, NULL, 7, 'en'),
(23, 1, 1, 10, 477899722535731203, '3:adfd2030256021aec8f62db2', '3:adfd2030256021aec8f62db2', 123, 'settled', 0, NULL, 1780383666000000, false, NULL, 1780383666000000, 1780383666000000, NULL, 0, 'card', NULL, NULL, 'delete', false, NULL, NULL, NULL, 'en'),
(24, 0, 1, 15, 477899722535731204, '4:fde8db866aaae81ded594c0d~0~1', '4:fde8db866aaae81ded594c0d~0~1', 122, 'settled', 0, NULL, 1780383666000000, false, NULL, 1780383666000000, 1780383666000000, NULL, 0, 'review', NULL, NULL, 'delete', false, NULL, NULL, NULL, 'en'),
(25, 0, 1, 15, 477918101237661702, '6:953a520c0eec4d1845ad3be0~6~0', '6:953a520c0eec4d1845ad3be0~6~0', 124, 'settled', 0, NULL, 1780383667000000, false, NULL, 1780383667000000, 1780383667000000, NULL, 0, 'review', NULL, NULL, 'delete', false, NULL, NULL, NULL, 'en'),
(26, 1, 1, 10, 477918101774532617, '9:6041a459155206cfab3fbb43', NULL, NULL, 'quarantined', 0, NULL, 1780383669000000, false, '400 Bad Request (error code: 50035)', 1780383669000000, NULL, NULL, 0, 'card', NULL, NULL, 'delete', false, NULL, NULL, NULL, 'en'),
(27, 4, 2, 20, 477918101774532617, '9:6041a459155206cfab3fbb43', '9:6041a459155206cfab3fbb43', 125, 'settled', 0, NULL, 1780383669000000, false, NULL, 1780383669000000, 1780383669000000, NULL, 0, 'card', NULL, NULL, 'delete', true, NULL, NULL, NULL, 'en'),
(28, 1, 1, 10, 477918103385145354, '10:528120fe509e70ed5aec1912', '10:528120fe509e70ed5aec1912', 126, 'settled', 0, NULL, 1780383675000000, false, NULL, 1780383675000000, 1780383675000000, NULL, 0, 'card', NULL, NULL, 'delete', false, NULL, NULL, NULL, 'en'),
(29, 4, 2, 20, 477918103385145354, '10:528120fe509e70ed5aec1912', '10:528120fe509e70ed5aec1912', 127, 'settled', 0, NULL, 1780383675000000, false, NULL, 1780383675000000, 1780383675000000, NULL, 0, 'card', NULL, NULL, 'delete', true, NULL, NULL, NULL, 'en'),
(30, 1, 1, 10, 477918103653580811, '11:3696f55c2fe4c4eb748f9359', NULL, NULL, 'sending', 0, 1780383676000000, 1780383677000000, false, NULL, 1780383676000000, NULL, NULL, 0, 'card', NULL, NULL, 'delete', false, NULL, NULL, NULL, 'en'),
(31, 4, 2, 20, 477918103653580811, '11:3696f55c2fe4c4eb748f9359', NULL, NULL, 'waiting', 0, 1780383676000000, NULL, false, NULL, 1780383676000000, NULL, NULL, 0, 'card', NULL, NULL, 'delete', true, NULL, NULL, NULL, 'en'),
(32, 1, 1, 10, 477918103653580812, '12:4a30aa5a1f51276727ed5912', NULL, NULL, 'waiting', 0, 1780383676000000, NULL, false, NULL, 1780383676000000, NULL, NULL, 0, 'card', NULL, NULL, 'delete', false, NULL, NULL, NULL, 'en'),
(33, 4, 2, 20, 477918103653580812, '12:4a30aa5a1f51276727ed5912', NULL, NULL, 'waiting', 0, 1780383676000000, NULL, false, NULL, 1780383676000000, NULL, NULL, 0, 'card', NULL, NULL, 'delete', true, NULL, NULL, NULL, 'en');
INSERT INTO "guild_settings" ("guild_id", "timezone", "review_channel_id", "review_open", "language") VALUES
(1, 'Europe/Berlin', 15, 5, 'de');
INSERT INTO "last_read" ("user_id", "guild_id", "at") VALUES
(7, 1, 1780383665000000);
INSERT INTO "listings" ("key", "request", "used_at") VALUES
('db7c009b3a1a', '{"kind": "search", "words": "comet"}', 1780383676000000);
INSERT INTO "meta" ("key", "value") VALUES
('heartbeat', 'old'),
('instance', '0123abcd');
INSERT INTO "providers" ("key", "name", "published") VALUES
('example', 'Example', 8),
('orbit', 'Orbit', 1);
INSERT INTO "quiet_hours" ("channel_id", "guild_id", "starts", "ends", "timezone", "passing_heat", "is_quiet", "turns_at") VALUES
(12, 1, '00:00', '12:00', 'Europe/Berlin', 900, true, 1780394400000000);
INSERT INTO "spellings" ("initial", "length", "word") VALUES
('a', 5, 'about'),
('a', 5, 'after'),
('b', 6, 'before'),
('b', 6, 'bridge'),
('b', 9, 'breakfast'),
('c', 5, 'comet'),
('c', 6, 'change'),
('c', 7, 'changed'),
('d', 4, 'does'),
('d', 7, 'deleted'),
('d', 7, 'discord'),
('e', 5, 'early'),
('e', 5, 'ended'),
('e', 6, 'edited'),
('e', 7, 'example'),
('f', 5, 'first'),
('f', 5, 'found'),
('g', 4, 'good'),
('h', 3, 'has'),
('l', 4, 'like'),
('m', 4, 'moon'),
('m', 9, 'moderator'),
('n', 3, 'not'),
('n', 4, 'news'),
('n', 5, 'night'),
('n', 6, 'nobody'),
('n', 7, 'numbers'),
('o', 3, 'out'),
('o', 5, 'orbit'),
('o', 5, 'other'),
('p', 6, 'passes'),
('p', 6, 'posted'),
('p', 6, 'python'),
('p', 7, 'process'),
('r', 6, 'rumour'),
('r', 7, 'release'),
('s', 4, 'sent'),
('s', 5, 'space'),
('s', 6, 'scored'),
('t', 3, 'the'),
('t', 3, 'too'),
('t', 4, 'tell'),
('t', 4, 'that'),
('t', 4, 'then'),
('t', 4, 'this'),
('u', 7, 'upgrade'),
('w', 4, 'when');
INSERT INTO "subscriptions" ("id", "guild_id", "channel_id", "when", "min_quality", "created_by", "created_at", "times", "days", "timezone", "without", "max_cards", "layout", "mention", "crosspost", "on_withdrawal", "skip_empty", "forum", "paused", "since", "next_at", "user_id", "shut_at", "language") VALUES
(1, 1, 10, 'instant', 0, 5, 1780315200000000, '[]', '[]', 'UTC', '[]', 10, 'cards', NULL, false, 'delete', true, false, false, 1780315200000000, NULL, NULL, NULL, NULL),
(2, 1, 11, 'daily', 0, 5, 1780315200000000, '["09:00", "17:30"]', '[]', 'Europe/Berlin', '["sport", "cricket"]', 5, 'list', 900, false, 'delete', false, false, false, 1780383600000000, 1780414200000000, NULL, NULL, 'de'),
(3, 1, 12, 'instant', 0, 5, 1780315200000000, '[]', '[]', 'UTC', '[]', 10, 'cards', 901, true, 'mark', true, false, false, 1780315200000000, NULL, NULL, NULL, NULL),
(4, 2, 20, 'instant', 50, 5, 1780315200000000, '[]', '[]', 'UTC', '[]', 10, 'cards', NULL, false, 'delete', true, true, false, 1780315200000000, NULL, NULL, NULL, NULL),
(5, 2, 21, 'weekly', 0, 5, 1780315200000000, '["08:00"]', '[0, 4]', 'UTC', '[]', 10, 'cards', NULL, false, 'delete', true, false, true, 1780012800000000, NULL, NULL, NULL, NULL),
(7, 1, 70, 'daily', 0, 7, 1780315200000000, '["09:00"]', '[]', 'Europe/Berlin', '[]', 10, 'cards', NULL, false, 'delete', true, false, false, 1780383600000000, 1780470000000000, 7, NULL, NULL);
INSERT INTO "topics" ("id", "key", "name", "published") VALUES
(1, 'space', 'Space', 4),
(2, 'python', 'Python', 3),
(3, 'astronomy', 'Astronomy', 0),
(4, 'other', 'Other', 3);
INSERT INTO "audit" ("id", "guild_id", "card_id", "before", "after", "actor_id", "source", "reason", "at", "subject", "only", "undoes") VALUES
(1, 1, 1, NULL, '["Astronomy"]', 5, 'button', '', 1780383665000000, 'topics', NULL, NULL),
(2, 2, 4, NULL, 'withdrawn', 5, 'command', 'off topic here', 1780383665000000, 'verdict', 'null', NULL),
(3, 1, 3, NULL, 'published', 5, 'button', 'fine', 1780383665000000, 'verdict', '[1]', NULL),
(4, 2, 4, 'withdrawn', NULL, 5, 'button', '', 1780383665000000, 'verdict', 'null', 2),
(5, 0, 7, NULL, 'withdrawn', 5, 'command', 'false', 1780383665000000, 'verdict', 'null', NULL),
(6, 0, 6, 'published', 'held', 0, 'file', '', 1780383667000000, 'state', NULL, NULL);
INSERT INTO "card_aliases" ("alias", "card_id") VALUES
('example.org/comet', 1),
('example.org/edited', 2),
('example.org/held', 3),
('example.org/morning', 8),
('example.org/posted', 4),
('example.org/quiet', 10),
('example.org/refused', 9),
('example.org/removed', 5),
('example.org/sending', 11),
('example.org/unpublished', 6),
('example.org/waiting', 12),
('example.org/withdrawn', 7);
INSERT INTO "card_edit_topics" ("guild_id", "card_id", "topic_id") VALUES
(1, 1, 3);
INSERT INTO "card_topics" ("topic_id", "card_id", "timeline") VALUES
(1, 1, 477899722535731201),
(1, 2, 477918103653580802),
(1, 7, 477899722535731207),
(1, 8, 477918100432355336),
(1, 10, 477918103385145354),
(2, 2, 477918103653580802),
(2, 3, 477899722535731203),
(2, 4, 477899722535731204),
(2, 5, 477918101506097157),
(2, 6, 477918101237661702),
(4, 9, 477918101774532617),
(4, 11, 477918103653580811),
(4, 12, 477918103653580812);
INSERT INTO "decision_subscriptions" ("guild_id", "card_id", "subscription_id") VALUES
(1, 3, 1);
INSERT INTO "decisions" ("guild_id", "card_id", "verdict", "decided_by", "decided_at", "reason", "picked") VALUES
(0, 7, 'withdrawn', 5, 1780383665000000, 'false', false),
(1, 3, 'published', 5, 1780383665000000, 'fine', true);
INSERT INTO "deferred" ("channel_id", "card_id", "subscription_id") VALUES
(12, 10, 3);
INSERT INTO "delivery_cards" ("delivery_id", "card_id", "channel_id", "place", "revision", "shown", "rank", "heat", "quality", "hours") VALUES
(1, 1, 10, 0, 'f2745b792c93e570f5638309~1', true, NULL, NULL, NULL, NULL),
(2, 1, 12, 0, 'f2745b792c93e570f5638309~1', true, NULL, NULL, NULL, NULL),
(3, 1, 20, 0, 'f2745b792c93e570f5638309', true, NULL, NULL, NULL, NULL),
(4, 2, 10, 0, '0352837ada7fbb760f763c38', true, NULL, NULL, NULL, NULL),
(5, 2, 12, 0, '0352837ada7fbb760f763c38', true, NULL, NULL, NULL, NULL),
(6, 2, 20, 0, '0352837ada7fbb760f763c38', true, NULL, NULL, NULL, NULL),
(7, 4, 10, 0, 'fde8db866aaae81ded594c0d', true, NULL, NULL, NULL, NULL),
(8, 4, 20, 0, 'fde8db866aaae81ded594c0d', true, NULL, NULL, NULL, NULL),
(9, 5, 10, 0, '8ce1de7567ce000cea8ea73d', true, NULL, NULL, NULL, NULL),
(10, 5, 20, 0, '8ce1de7567ce000cea8ea73d', true, NULL, NULL, NULL, NULL),
(11, 6, 10, 0, 'unpublished', true, NULL, NULL, NULL, NULL),
(12, 6, 20, 0, 'unpublished', true, NULL, NULL, NULL, NULL),
(13, 7, 10, 0, NULL, true, NULL, NULL, NULL, NULL),
(14, 7, 12, 0, NULL, true, NULL, NULL, NULL, NULL),
(15, 7, 20, 0, NULL, true, NULL, NULL, NULL, NULL),
(16, 3, 15, 0, 'adfd2030256021aec8f62db2~3~0', true, NULL, NULL, NULL, NULL),
(17, 1, 11, 0, 'f2745b792c93e570f5638309~1', true, 1, 120, 80, 3),
(17, 4, 11, 1, 'fde8db866aaae81ded594c0d', false, NULL, NULL, NULL, NULL),
(17, 6, 11, 2, 'unpublished', true, 3, 80, 80, 3),
(17, 7, 11, 1, NULL, true, 2, 80, 80, 3),
(18, 8, 10, 0, '6bbe00699a39ed8ec83c8994', true, NULL, NULL, NULL, NULL),
(19, 8, 12, 0, '6bbe00699a39ed8ec83c8994', true, NULL, NULL, NULL, NULL),
(20, 8, 20, 0, '6bbe00699a39ed8ec83c8994', true, NULL, NULL, NULL, NULL),
(21, 8, 11, 0, '6bbe00699a39ed8ec83c8994', true, 1, 80, 80, 0),
(22, 1, 70, 1, 'f2745b792c93e570f5638309~1', true, 2, 120, 80, 19),
(22, 7, 70, 2, NULL, true, 3, 80, 80, 19),
(22, 8, 70, 0, '6bbe00699a39ed8ec83c8994', true, 1, 80, 80, 0),
(23, 3, 10, 0, 'adfd2030256021aec8f62db2', true, NULL, NULL, NULL, NULL),
(24, 4, 15, 0, 'fde8db866aaae81ded594c0d~0~1', true, NULL, NULL, NULL, NULL),
(25, 6, 15, 0, '953a520c0eec4d1845ad3be0~6~0', true, NULL, NULL, NULL, NULL),
(26, 9, 10, 0, '6041a459155206cfab3fbb43', true, NULL, NULL, NULL, NULL),
(27, 9, 20, 0, '6041a459155206cfab3fbb43', true, NULL, NULL, NULL, NULL),
(28, 10, 10, 0, '528120fe509e70ed5aec1912', true, NULL, NULL, NULL, NULL),
(29, 10, 20, 0, '528120fe509e70ed5aec1912', true, NULL, NULL, NULL, NULL),
(30, 11, 10, 0, '3696f55c2fe4c4eb748f9359', true, NULL, NULL, NULL, NULL),
(31, 11, 20, 0, '3696f55c2fe4c4eb748f9359', true, NULL, NULL, NULL, NULL),
(32, 12, 10, 0, '4a30aa5a1f51276727ed5912', true, NULL, NULL, NULL, NULL),
(33, 12, 20, 0, '4a30aa5a1f51276727ed5912', true, NULL, NULL, NULL, NULL);
INSERT INTO "files" ("root", "path", "size", "mtime_ns", "card_id", "problems") VALUES
('/srv/newsdesk/cards', 'comet.md', 255, 1796044838751419736, 1, '[]'),
('/srv/newsdesk/cards', 'edited.md', 261, 1796044847697674699, 2, '[]'),
('/srv/newsdesk/cards', 'held.md', 251, 1796044838751991032, 3, '[]'),
('/srv/newsdesk/cards', 'morning.md', 261, 1796044842218339298, 8, '[]'),
('/srv/newsdesk/cards', 'posted.md', 258, 1796044838751238057, 4, '[]'),
('/srv/newsdesk/cards', 'quiet.md', 256, 1796044847361475889, 10, '[]'),
('/srv/newsdesk/cards', 'refused.md', 261, 1796044846608807111, 9, '[]'),
('/srv/newsdesk/cards', 'removed.md', 271, 1796044845636828808, 5, '[]'),
('/srv/newsdesk/cards', 'sending.md', 262, 1796044847699556669, 11, '[]'),
('/srv/newsdesk/cards', 'unpublished.md', 262, 1796044845281044826, 6, '[]'),
('/srv/newsdesk/cards', 'waiting.md', 259, 1796044847698806180, 12, '[]'),
('/srv/newsdesk/cards', 'withdrawn.md', 262, 1796044838751727079, 7, '[]');
INSERT INTO "flags" ("card_id", "user_id", "guild_id", "reason", "at") VALUES
(4, 8, 1, 'a typo', 1780383665000000);
INSERT INTO "saved" ("user_id", "card_id", "saved_at") VALUES
(7, 1, 1780383665000000),
(8, 7, 1780383665000000);
INSERT INTO "story_keys" ("key", "card_id") VALUES
('u:example.org/comet', 1),
('u:example.org/edited', 2),
('u:example.org/held', 3),
('u:example.org/morning', 8),
('u:example.org/posted', 4),
('u:example.org/quiet', 10),
('u:example.org/refused', 9),
('u:example.org/removed', 5),
('u:example.org/sending', 11),
('u:example.org/unpublished', 6),
('u:example.org/waiting', 12),
('u:example.org/withdrawn', 7);
INSERT INTO "subscription_topics" ("subscription_id", "topic_id") VALUES
(3, 1),
(5, 1),
(5, 2),
(7, 1);
INSERT INTO "card_edits" ("guild_id", "card_id", "topics", "audit_id") VALUES
(1, 1, '["Astronomy"]', 1);
INSERT INTO alembic_version (version_num) VALUES ('0010');
