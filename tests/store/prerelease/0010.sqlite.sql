CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
CREATE TABLE audit (
	id INTEGER NOT NULL, 
	guild_id BIGINT NOT NULL, 
	card_id INTEGER NOT NULL, 
	"before" TEXT, 
	"after" TEXT, 
	actor_id BIGINT NOT NULL, 
	source TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	at BIGINT NOT NULL, subject TEXT DEFAULT 'verdict' NOT NULL, only JSON, undoes INTEGER, 
	CONSTRAINT pk_audit PRIMARY KEY (id), 
	CONSTRAINT fk_audit_card_id FOREIGN KEY(card_id) REFERENCES cards (id)
);
CREATE TABLE card_aliases (
	alias TEXT NOT NULL, 
	card_id INTEGER NOT NULL, 
	CONSTRAINT pk_card_aliases PRIMARY KEY (alias, card_id), 
	CONSTRAINT fk_card_aliases_card_id FOREIGN KEY(card_id) REFERENCES cards (id)
);
CREATE TABLE card_edit_topics (
	guild_id BIGINT NOT NULL, 
	card_id INTEGER NOT NULL, 
	topic_id INTEGER NOT NULL, 
	CONSTRAINT pk_card_edit_topics PRIMARY KEY (guild_id, card_id, topic_id), 
	CONSTRAINT fk_card_edit_topics_card_id FOREIGN KEY(card_id) REFERENCES cards (id), 
	CONSTRAINT fk_card_edit_topics_topic_id FOREIGN KEY(topic_id) REFERENCES topics (id)
);
CREATE TABLE card_edits (
	guild_id BIGINT NOT NULL, 
	card_id INTEGER NOT NULL, 
	topics JSON NOT NULL, 
	audit_id INTEGER NOT NULL, 
	CONSTRAINT pk_card_edits PRIMARY KEY (guild_id, card_id), 
	CONSTRAINT fk_card_edits_card_id FOREIGN KEY(card_id) REFERENCES cards (id), 
	CONSTRAINT fk_card_edits_audit_id FOREIGN KEY(audit_id) REFERENCES audit (id)
);
CREATE TABLE card_topics (
	topic_id INTEGER NOT NULL, 
	card_id INTEGER NOT NULL, 
	timeline BIGINT NOT NULL, 
	CONSTRAINT pk_card_topics PRIMARY KEY (topic_id, card_id), 
	CONSTRAINT fk_card_topics_card_id FOREIGN KEY(card_id) REFERENCES cards (id), 
	CONSTRAINT fk_card_topics_topic_id FOREIGN KEY(topic_id) REFERENCES topics (id)
);
CREATE TABLE cards (
	id INTEGER NOT NULL, 
	slug TEXT NOT NULL, 
	timeline BIGINT NOT NULL, 
	published_at BIGINT NOT NULL, 
	state TEXT NOT NULL, 
	held_reason TEXT, 
	title TEXT NOT NULL, 
	provider TEXT NOT NULL, 
	quality INTEGER, 
	heat INTEGER, 
	details JSON NOT NULL, 
	revision TEXT NOT NULL, 
	content TEXT NOT NULL, 
	gone BOOLEAN NOT NULL, 
	visible_at BIGINT, 
	unplanned BOOLEAN NOT NULL, story_id INTEGER, filed_state TEXT DEFAULT 'held' NOT NULL, points INTEGER DEFAULT '0' NOT NULL, 
	CONSTRAINT pk_cards PRIMARY KEY (id), 
	CONSTRAINT uq_cards_slug UNIQUE (slug), 
	CONSTRAINT uq_cards_timeline UNIQUE (timeline)
);
CREATE TABLE channel_claims (
	channel_id BIGINT NOT NULL, 
	holder TEXT NOT NULL, 
	until BIGINT NOT NULL, 
	CONSTRAINT pk_channel_claims PRIMARY KEY (channel_id)
);
CREATE TABLE circuits (
	channel_id BIGINT NOT NULL, 
	guild_id BIGINT NOT NULL, 
	reason TEXT NOT NULL, 
	failures INTEGER NOT NULL, 
	opened_at BIGINT NOT NULL, 
	probe_at BIGINT NOT NULL, 
	CONSTRAINT pk_circuits PRIMARY KEY (channel_id)
);
CREATE TABLE decision_subscriptions (
	guild_id BIGINT NOT NULL, 
	card_id INTEGER NOT NULL, 
	subscription_id INTEGER NOT NULL, 
	CONSTRAINT pk_decision_subscriptions PRIMARY KEY (guild_id, card_id, subscription_id), 
	CONSTRAINT fk_decision_subscriptions_card_id FOREIGN KEY(card_id) REFERENCES cards (id), 
	CONSTRAINT fk_decision_subscriptions_subscription_id FOREIGN KEY(subscription_id) REFERENCES subscriptions (id) ON DELETE CASCADE
);
CREATE TABLE decisions (
	guild_id BIGINT NOT NULL, 
	card_id INTEGER NOT NULL, 
	verdict TEXT NOT NULL, 
	decided_by BIGINT NOT NULL, 
	decided_at BIGINT NOT NULL, 
	reason TEXT NOT NULL, picked BOOLEAN DEFAULT '0' NOT NULL, 
	CONSTRAINT pk_decisions PRIMARY KEY (guild_id, card_id), 
	CONSTRAINT fk_decisions_card_id FOREIGN KEY(card_id) REFERENCES cards (id)
);
CREATE TABLE "deferred" (
	channel_id BIGINT NOT NULL, 
	card_id INTEGER NOT NULL, 
	subscription_id INTEGER NOT NULL, 
	CONSTRAINT pk_deferred PRIMARY KEY (channel_id, card_id), 
	CONSTRAINT fk_deferred_card_id FOREIGN KEY(card_id) REFERENCES cards (id), 
	CONSTRAINT fk_deferred_subscription_id FOREIGN KEY(subscription_id) REFERENCES subscriptions (id) ON DELETE CASCADE
);
CREATE TABLE "deliveries" (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	subscription_id INTEGER NOT NULL, 
	guild_id BIGINT NOT NULL, 
	channel_id BIGINT NOT NULL, 
	timeline BIGINT NOT NULL, 
	wanted TEXT, 
	actual TEXT, 
	message_id BIGINT, 
	progress TEXT NOT NULL, 
	attempts INTEGER DEFAULT '0' NOT NULL, 
	due_at BIGINT, 
	sent_at BIGINT, 
	plain BOOLEAN DEFAULT '0' NOT NULL, 
	last_error TEXT, 
	planned_at BIGINT NOT NULL, 
	settled_at BIGINT, 
	slot TEXT, 
	part INTEGER DEFAULT '0' NOT NULL, 
	layout TEXT DEFAULT 'card' NOT NULL, 
	heading TEXT, 
	mention BIGINT, 
	on_withdrawal TEXT DEFAULT 'delete' NOT NULL, 
	forum BOOLEAN DEFAULT '0' NOT NULL, 
	crosspost TEXT, 
	crossposted_at BIGINT, user_id BIGINT, language TEXT DEFAULT 'en' NOT NULL, 
	CONSTRAINT uq_deliveries_subscription_id_slot_part UNIQUE (subscription_id, slot, part)
);
CREATE TABLE "delivery_cards" (
	delivery_id INTEGER NOT NULL, 
	card_id INTEGER NOT NULL, 
	channel_id BIGINT NOT NULL, 
	place INTEGER NOT NULL, 
	revision TEXT, 
	shown BOOLEAN DEFAULT '1' NOT NULL, 
	rank INTEGER, 
	heat INTEGER, 
	quality INTEGER, 
	hours INTEGER, 
	CONSTRAINT pk_delivery_cards PRIMARY KEY (delivery_id, card_id), 
	CONSTRAINT fk_delivery_cards_card_id FOREIGN KEY(card_id) REFERENCES cards (id), 
	CONSTRAINT fk_delivery_cards_delivery_id FOREIGN KEY(delivery_id) REFERENCES deliveries (id) ON DELETE CASCADE, 
	CONSTRAINT uq_delivery_cards_channel_id_card_id UNIQUE (channel_id, card_id)
)
 WITHOUT ROWID

;
CREATE TABLE files (
	root TEXT NOT NULL, 
	path TEXT NOT NULL, 
	size BIGINT NOT NULL, 
	mtime_ns BIGINT NOT NULL, 
	card_id INTEGER, 
	problems JSON NOT NULL, 
	CONSTRAINT pk_files PRIMARY KEY (root, path), 
	CONSTRAINT fk_files_card_id FOREIGN KEY(card_id) REFERENCES cards (id)
);
CREATE TABLE flags (
	card_id INTEGER NOT NULL, 
	user_id BIGINT NOT NULL, 
	guild_id BIGINT NOT NULL, 
	reason TEXT NOT NULL, 
	at BIGINT NOT NULL, 
	CONSTRAINT pk_flags PRIMARY KEY (card_id, user_id, guild_id), 
	CONSTRAINT fk_flags_card_id FOREIGN KEY(card_id) REFERENCES cards (id)
);
CREATE TABLE "guild_settings" (
	guild_id BIGINT NOT NULL, 
	timezone TEXT, 
	review_channel_id BIGINT, 
	review_open INTEGER DEFAULT '10' NOT NULL, language TEXT, 
	CONSTRAINT pk_guild_settings PRIMARY KEY (guild_id)
);
CREATE TABLE last_read (
	user_id BIGINT NOT NULL, 
	guild_id BIGINT NOT NULL, 
	at BIGINT NOT NULL, 
	CONSTRAINT pk_last_read PRIMARY KEY (user_id, guild_id)
);
CREATE TABLE listings (
	"key" TEXT NOT NULL, 
	request JSON NOT NULL, 
	used_at BIGINT NOT NULL, 
	CONSTRAINT pk_listings PRIMARY KEY ("key")
);
CREATE TABLE meta (
	"key" TEXT NOT NULL, 
	value TEXT NOT NULL, 
	CONSTRAINT pk_meta PRIMARY KEY ("key")
);
CREATE TABLE providers (
	"key" TEXT NOT NULL, 
	name TEXT NOT NULL, 
	published INTEGER DEFAULT '0' NOT NULL, 
	CONSTRAINT pk_providers PRIMARY KEY ("key")
);
CREATE TABLE quiet_hours (
	channel_id BIGINT NOT NULL, 
	guild_id BIGINT NOT NULL, 
	starts TEXT NOT NULL, 
	ends TEXT NOT NULL, 
	timezone TEXT NOT NULL, 
	passing_heat INTEGER, 
	is_quiet BOOLEAN NOT NULL, 
	turns_at BIGINT NOT NULL, 
	CONSTRAINT pk_quiet_hours PRIMARY KEY (channel_id)
);
CREATE TABLE saved (
	user_id BIGINT NOT NULL, 
	card_id INTEGER NOT NULL, 
	saved_at BIGINT NOT NULL, 
	CONSTRAINT pk_saved PRIMARY KEY (user_id, card_id), 
	CONSTRAINT fk_saved_card_id FOREIGN KEY(card_id) REFERENCES cards (id)
);
CREATE TABLE spellings (
	initial TEXT NOT NULL, 
	length INTEGER NOT NULL, 
	word TEXT NOT NULL, 
	CONSTRAINT pk_spellings PRIMARY KEY (initial, length, word)
)
 WITHOUT ROWID

;
CREATE TABLE story_keys (
	"key" TEXT NOT NULL, 
	card_id INTEGER NOT NULL, 
	CONSTRAINT pk_story_keys PRIMARY KEY ("key", card_id), 
	CONSTRAINT fk_story_keys_card_id FOREIGN KEY(card_id) REFERENCES cards (id)
);
CREATE TABLE subscription_topics (
	subscription_id INTEGER NOT NULL, 
	topic_id INTEGER NOT NULL, 
	CONSTRAINT pk_subscription_topics PRIMARY KEY (subscription_id, topic_id), 
	CONSTRAINT fk_subscription_topics_subscription_id FOREIGN KEY(subscription_id) REFERENCES subscriptions (id) ON DELETE CASCADE, 
	CONSTRAINT fk_subscription_topics_topic_id FOREIGN KEY(topic_id) REFERENCES topics (id)
);
CREATE TABLE subscriptions (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	guild_id BIGINT NOT NULL, 
	channel_id BIGINT NOT NULL, 
	"when" TEXT NOT NULL, 
	min_quality INTEGER NOT NULL, 
	created_by BIGINT NOT NULL, 
	created_at BIGINT NOT NULL
, times JSON DEFAULT '[]' NOT NULL, days JSON DEFAULT '[]' NOT NULL, timezone TEXT DEFAULT 'UTC' NOT NULL, without JSON DEFAULT '[]' NOT NULL, max_cards INTEGER DEFAULT '10' NOT NULL, layout TEXT DEFAULT 'cards' NOT NULL, mention BIGINT, crosspost BOOLEAN DEFAULT '0' NOT NULL, on_withdrawal TEXT DEFAULT 'delete' NOT NULL, skip_empty BOOLEAN DEFAULT '1' NOT NULL, forum BOOLEAN DEFAULT '0' NOT NULL, paused BOOLEAN DEFAULT '0' NOT NULL, since BIGINT DEFAULT '0' NOT NULL, next_at BIGINT, user_id BIGINT, shut_at BIGINT, language TEXT);
CREATE TABLE topics (
	id INTEGER NOT NULL, 
	"key" TEXT NOT NULL, 
	name TEXT NOT NULL, 
	published INTEGER DEFAULT '0' NOT NULL, 
	CONSTRAINT pk_topics PRIMARY KEY (id), 
	CONSTRAINT uq_topics_key UNIQUE ("key")
);
CREATE INDEX ix_audit_card_id_guild_id ON audit (card_id, guild_id);
CREATE INDEX ix_audit_guild_id_id ON audit (guild_id, id);
CREATE INDEX ix_card_aliases_card_id ON card_aliases (card_id);
CREATE INDEX ix_card_edits_card_id ON card_edits (card_id);
CREATE INDEX ix_card_topics_card_id ON card_topics (card_id);
CREATE INDEX ix_card_topics_topic_id_timeline ON card_topics (topic_id, timeline);
CREATE INDEX ix_cards_content ON cards (content);
CREATE INDEX ix_cards_provider ON cards (provider);
CREATE INDEX ix_cards_state_points_timeline ON cards (state, points, timeline);
CREATE INDEX ix_cards_state_timeline ON cards (state, timeline);
CREATE INDEX ix_cards_story_id ON cards (story_id);
CREATE INDEX ix_cards_timeline_state_heat ON cards (timeline, state, heat);
CREATE INDEX ix_cards_unplanned ON cards (id) WHERE unplanned = 1;
CREATE INDEX ix_cards_visible_at ON cards (visible_at);
CREATE INDEX ix_decisions_card_id ON decisions (card_id);
CREATE INDEX ix_deliveries_channel_id_due_at ON deliveries (channel_id) WHERE due_at IS NOT NULL;
CREATE INDEX ix_deliveries_crosspost ON deliveries (channel_id) WHERE crosspost = 'wanted';
CREATE INDEX ix_deliveries_due_at ON deliveries (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX ix_deliveries_review ON deliveries (guild_id) WHERE layout = 'review';
CREATE INDEX ix_deliveries_user_id ON deliveries (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX ix_delivery_cards_card_id ON delivery_cards (card_id);
CREATE INDEX ix_flags_guild_id_card_id ON flags (guild_id, card_id);
CREATE INDEX ix_flags_user_id_at ON flags (user_id, at);
CREATE INDEX ix_quiet_hours_turns_at ON quiet_hours (turns_at);
CREATE INDEX ix_story_keys_card_id ON story_keys (card_id);
CREATE INDEX ix_subscriptions_guild_id ON subscriptions (guild_id);
CREATE INDEX ix_subscriptions_next_at ON subscriptions (next_at) WHERE next_at IS NOT NULL;
CREATE UNIQUE INDEX ix_subscriptions_user_id_guild_id ON subscriptions (user_id, guild_id) WHERE user_id IS NOT NULL;
CREATE VIRTUAL TABLE "card_search" USING fts5(title, excerpt, names, related, tags, tokenize="unicode61 remove_diacritics 2", prefix='2 3');
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit only grows'); END;
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit only grows'); END;
PRAGMA application_id = 1313167187;
-- rows
INSERT INTO card_search (rowid, title, excerpt, names, related, tags) VALUES
(-477918103653580812, 'Posted after the upgrade', 'Excerpt of waiting', 'Other / Example', '', 'topicf336ec65a94d providerae0d0182283d type63ba2879628c'),
(-477918103653580811, 'Sent when the process ended', 'Excerpt of sending', 'Other / Example', '', 'topicf336ec65a94d providerae0d0182283d type63ba2879628c'),
(-477918103653580802, 'Numbers that changed', 'Excerpt of edited', 'Space / Python / Example', '', 'topicb04bdd4f4a50 topicc53b22859229 providerae0d0182283d type63ba2879628c'),
(-477918103385145354, 'A moon found in the night', 'Excerpt of quiet', 'Space / Example', '', 'topicb04bdd4f4a50 providerae0d0182283d type63ba2879628c'),
(-477918101774532617, 'Discord does not like this', 'Excerpt of refused', 'Other / Example', '', 'topicf336ec65a94d providerae0d0182283d type63ba2879628c'),
(-477918101506097157, 'Deleted by a moderator, then edited', 'Excerpt of removed', 'Python / Example', '', 'topicc53b22859229 providerae0d0182283d type63ba2879628c'),
(-477918101237661702, 'Too early to tell', 'Excerpt of unpublished', 'Python / Example', '', 'topicc53b22859229 providerae0d0182283d type63ba2879628c'),
(-477918100432355336, 'Good news before breakfast', 'Excerpt of morning', 'Space / Example', '', 'topicb04bdd4f4a50 providerae0d0182283d type63ba2879628c'),
(-477899722535731207, 'A rumour about a bridge', 'Excerpt of withdrawn', 'Space / Example', '', 'topicb04bdd4f4a50 providerae0d0182283d type63ba2879628c'),
(-477899722535731204, 'The first release is out', 'Excerpt of posted', 'Python / Example', '', 'topicc53b22859229 providerae0d0182283d type63ba2879628c'),
(-477899722535731203, 'Nobody has scored this', 'Excerpt of held', 'Python / Example', '', 'topicc53b22859229 providerae0d0182283d type63ba2879628c'),
(-477899722535731201, 'A comet passes the Moon', 'Excerpt of comet', 'Space / Orbit', '', 'topicb04bdd4f4a50 provider3ee2923b9b4f type63ba2879628c');
UPDATE sqlite_sequence SET seq = 7 WHERE name = 'subscriptions';
UPDATE sqlite_sequence SET seq = 33 WHERE name = 'deliveries';
