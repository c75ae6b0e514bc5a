CREATE FUNCTION audit_only_grows() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION 'the audit only grows' USING ERRCODE = 'restrict_violation'; END $$;
CREATE TABLE alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE audit (
    id bigint NOT NULL,
    guild_id bigint NOT NULL,
    card_id bigint NOT NULL,
    before text COLLATE pg_catalog."C",
    after text COLLATE pg_catalog."C",
    actor_id bigint NOT NULL,
    source text NOT NULL COLLATE pg_catalog."C",
    reason text NOT NULL COLLATE pg_catalog."C",
    at bigint NOT NULL,
    subject text DEFAULT 'verdict'::text NOT NULL COLLATE pg_catalog."C",
    "only" json,
    undoes bigint
);
CREATE SEQUENCE audit_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE audit_id_seq OWNED BY audit.id;
CREATE TABLE card_aliases (
    alias text NOT NULL COLLATE pg_catalog."C",
    card_id bigint NOT NULL
);
CREATE TABLE card_edit_topics (
    guild_id bigint NOT NULL,
    card_id bigint NOT NULL,
    topic_id bigint NOT NULL
);
CREATE TABLE card_edits (
    guild_id bigint NOT NULL,
    card_id bigint NOT NULL,
    topics json NOT NULL,
    audit_id bigint NOT NULL
);
CREATE TABLE card_search (
    timeline bigint NOT NULL,
    words tsvector NOT NULL
);
ALTER TABLE ONLY card_search ALTER COLUMN words SET STATISTICS 1000;
CREATE TABLE card_topics (
    topic_id bigint NOT NULL,
    card_id bigint NOT NULL,
    timeline bigint NOT NULL
);
CREATE TABLE cards (
    id bigint NOT NULL,
    slug text NOT NULL COLLATE pg_catalog."C",
    timeline bigint NOT NULL,
    published_at bigint NOT NULL,
    state text NOT NULL COLLATE pg_catalog."C",
    held_reason text COLLATE pg_catalog."C",
    title text NOT NULL COLLATE pg_catalog."C",
    provider text NOT NULL COLLATE pg_catalog."C",
    quality bigint,
    heat bigint,
    details json NOT NULL,
    revision text NOT NULL COLLATE pg_catalog."C",
    content text NOT NULL COLLATE pg_catalog."C",
    gone boolean NOT NULL,
    visible_at bigint,
    unplanned boolean NOT NULL,
    story_id bigint,
    filed_state text DEFAULT 'held'::text NOT NULL COLLATE pg_catalog."C",
    points bigint DEFAULT 0 NOT NULL,
    scheduled boolean DEFAULT false NOT NULL
);
CREATE SEQUENCE cards_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE cards_id_seq OWNED BY cards.id;
CREATE TABLE channel_claims (
    channel_id bigint NOT NULL,
    holder text NOT NULL COLLATE pg_catalog."C",
    until bigint NOT NULL
);
CREATE TABLE circuits (
    channel_id bigint NOT NULL,
    guild_id bigint NOT NULL,
    reason text NOT NULL COLLATE pg_catalog."C",
    failures bigint NOT NULL,
    opened_at bigint NOT NULL,
    probe_at bigint NOT NULL,
    told boolean DEFAULT false NOT NULL
);
CREATE SEQUENCE circuits_channel_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE circuits_channel_id_seq OWNED BY circuits.channel_id;
CREATE TABLE crosspost_tries (
    delivery_id bigint NOT NULL,
    at bigint NOT NULL,
    channel_id bigint NOT NULL
);
CREATE TABLE decision_subscriptions (
    guild_id bigint NOT NULL,
    card_id bigint NOT NULL,
    subscription_id bigint NOT NULL
);
CREATE TABLE decisions (
    guild_id bigint NOT NULL,
    card_id bigint NOT NULL,
    verdict text NOT NULL COLLATE pg_catalog."C",
    decided_by bigint NOT NULL,
    decided_at bigint NOT NULL,
    reason text NOT NULL COLLATE pg_catalog."C",
    picked boolean DEFAULT false NOT NULL
);
CREATE TABLE deferred (
    channel_id bigint NOT NULL,
    card_id bigint NOT NULL,
    subscription_id bigint NOT NULL
);
CREATE TABLE deliveries (
    id bigint NOT NULL,
    subscription_id bigint NOT NULL,
    guild_id bigint NOT NULL,
    channel_id bigint NOT NULL,
    timeline bigint NOT NULL,
    wanted text COLLATE pg_catalog."C",
    actual text COLLATE pg_catalog."C",
    message_id bigint,
    progress text NOT NULL COLLATE pg_catalog."C",
    attempts bigint DEFAULT 0 NOT NULL,
    due_at bigint,
    sent_at bigint,
    plain boolean DEFAULT false NOT NULL,
    last_error text COLLATE pg_catalog."C",
    planned_at bigint NOT NULL,
    settled_at bigint,
    slot text COLLATE pg_catalog."C",
    part bigint DEFAULT 0 NOT NULL,
    layout text DEFAULT 'card'::text NOT NULL COLLATE pg_catalog."C",
    heading text COLLATE pg_catalog."C",
    mention bigint,
    on_withdrawal text DEFAULT 'delete'::text NOT NULL COLLATE pg_catalog."C",
    forum boolean DEFAULT false NOT NULL,
    crosspost text COLLATE pg_catalog."C",
    crossposted_at bigint,
    user_id bigint,
    language text DEFAULT 'en'::text NOT NULL COLLATE pg_catalog."C",
    after_id bigint,
    reported_at bigint
);
CREATE SEQUENCE deliveries_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE deliveries_id_seq OWNED BY deliveries.id;
CREATE TABLE delivery_cards (
    delivery_id bigint NOT NULL,
    card_id bigint NOT NULL,
    channel_id bigint NOT NULL,
    place bigint NOT NULL,
    revision text COLLATE pg_catalog."C",
    shown boolean DEFAULT true NOT NULL,
    rank bigint,
    heat bigint,
    quality bigint,
    hours bigint
);
CREATE TABLE files (
    root text NOT NULL COLLATE pg_catalog."C",
    path text NOT NULL COLLATE pg_catalog."C",
    size bigint NOT NULL,
    mtime_ns bigint NOT NULL,
    card_id bigint,
    problems json NOT NULL,
    ctime_ns bigint DEFAULT '0'::bigint NOT NULL,
    inode bigint DEFAULT '0'::bigint NOT NULL,
    digest text COLLATE pg_catalog."C",
    missing_since bigint,
    due_at bigint
);
CREATE TABLE flags (
    card_id bigint NOT NULL,
    user_id bigint NOT NULL,
    guild_id bigint NOT NULL,
    reason text NOT NULL COLLATE pg_catalog."C",
    at bigint NOT NULL
);
CREATE TABLE guild_settings (
    guild_id bigint NOT NULL,
    timezone text COLLATE pg_catalog."C",
    review_channel_id bigint,
    review_open bigint DEFAULT 10 NOT NULL,
    language text COLLATE pg_catalog."C"
);
CREATE SEQUENCE guild_settings_guild_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE guild_settings_guild_id_seq OWNED BY guild_settings.guild_id;
CREATE TABLE last_read (
    user_id bigint NOT NULL,
    guild_id bigint NOT NULL,
    at bigint NOT NULL
);
CREATE TABLE listings (
    key text NOT NULL COLLATE pg_catalog."C",
    request json NOT NULL,
    used_at bigint NOT NULL
);
CREATE TABLE meta (
    key text NOT NULL COLLATE pg_catalog."C",
    value text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE providers (
    key text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    published bigint DEFAULT 0 NOT NULL
);
CREATE TABLE quiet_hours (
    channel_id bigint NOT NULL,
    guild_id bigint NOT NULL,
    starts text NOT NULL COLLATE pg_catalog."C",
    ends text NOT NULL COLLATE pg_catalog."C",
    timezone text NOT NULL COLLATE pg_catalog."C",
    passing_heat bigint,
    is_quiet boolean NOT NULL,
    turns_at bigint NOT NULL
);
CREATE SEQUENCE quiet_hours_channel_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE quiet_hours_channel_id_seq OWNED BY quiet_hours.channel_id;
CREATE TABLE requests (
    id bigint NOT NULL,
    kind text NOT NULL COLLATE pg_catalog."C",
    payload json NOT NULL,
    requested_by bigint NOT NULL,
    requested_at bigint NOT NULL,
    state text NOT NULL COLLATE pg_catalog."C",
    result json
);
CREATE SEQUENCE requests_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE requests_id_seq OWNED BY requests.id;
CREATE TABLE saved (
    user_id bigint NOT NULL,
    card_id bigint NOT NULL,
    saved_at bigint NOT NULL
);
CREATE TABLE spellings (
    initial text NOT NULL COLLATE pg_catalog."C",
    length bigint NOT NULL,
    word text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE story_keys (
    key text NOT NULL COLLATE pg_catalog."C",
    card_id bigint NOT NULL
);
CREATE TABLE subscription_topics (
    subscription_id bigint NOT NULL,
    topic_id bigint NOT NULL
);
CREATE TABLE subscriptions (
    id bigint NOT NULL,
    guild_id bigint NOT NULL,
    channel_id bigint NOT NULL,
    "when" text NOT NULL COLLATE pg_catalog."C",
    min_quality bigint NOT NULL,
    created_by bigint NOT NULL,
    created_at bigint NOT NULL,
    times json DEFAULT '[]'::json NOT NULL,
    days json DEFAULT '[]'::json NOT NULL,
    timezone text DEFAULT 'UTC'::text NOT NULL COLLATE pg_catalog."C",
    without json DEFAULT '[]'::json NOT NULL,
    max_cards bigint DEFAULT 10 NOT NULL,
    layout text DEFAULT 'cards'::text NOT NULL COLLATE pg_catalog."C",
    mention bigint,
    crosspost boolean DEFAULT false NOT NULL,
    on_withdrawal text DEFAULT 'delete'::text NOT NULL COLLATE pg_catalog."C",
    skip_empty boolean DEFAULT true NOT NULL,
    forum boolean DEFAULT false NOT NULL,
    paused boolean DEFAULT false NOT NULL,
    since bigint DEFAULT '0'::bigint NOT NULL,
    next_at bigint,
    user_id bigint,
    shut_at bigint,
    language text COLLATE pg_catalog."C",
    trouble text COLLATE pg_catalog."C",
    pauses json DEFAULT '[]'::json NOT NULL,
    member_seen_at bigint
);
CREATE SEQUENCE subscriptions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE subscriptions_id_seq OWNED BY subscriptions.id;
CREATE TABLE topics (
    id bigint NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    published bigint DEFAULT 0 NOT NULL
);
CREATE SEQUENCE topics_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE topics_id_seq OWNED BY topics.id;
ALTER TABLE ONLY audit ALTER COLUMN id SET DEFAULT nextval('audit_id_seq'::regclass);
ALTER TABLE ONLY cards ALTER COLUMN id SET DEFAULT nextval('cards_id_seq'::regclass);
ALTER TABLE ONLY circuits ALTER COLUMN channel_id SET DEFAULT nextval('circuits_channel_id_seq'::regclass);
ALTER TABLE ONLY deliveries ALTER COLUMN id SET DEFAULT nextval('deliveries_id_seq'::regclass);
ALTER TABLE ONLY guild_settings ALTER COLUMN guild_id SET DEFAULT nextval('guild_settings_guild_id_seq'::regclass);
ALTER TABLE ONLY quiet_hours ALTER COLUMN channel_id SET DEFAULT nextval('quiet_hours_channel_id_seq'::regclass);
ALTER TABLE ONLY requests ALTER COLUMN id SET DEFAULT nextval('requests_id_seq'::regclass);
ALTER TABLE ONLY subscriptions ALTER COLUMN id SET DEFAULT nextval('subscriptions_id_seq'::regclass);
ALTER TABLE ONLY topics ALTER COLUMN id SET DEFAULT nextval('topics_id_seq'::regclass);
ALTER TABLE ONLY alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY card_search
    ADD CONSTRAINT card_search_pkey PRIMARY KEY (timeline);
ALTER TABLE ONLY audit
    ADD CONSTRAINT pk_audit PRIMARY KEY (id);
ALTER TABLE ONLY card_aliases
    ADD CONSTRAINT pk_card_aliases PRIMARY KEY (alias, card_id);
ALTER TABLE ONLY card_edit_topics
    ADD CONSTRAINT pk_card_edit_topics PRIMARY KEY (guild_id, card_id, topic_id);
ALTER TABLE ONLY card_edits
    ADD CONSTRAINT pk_card_edits PRIMARY KEY (guild_id, card_id);
ALTER TABLE ONLY card_topics
    ADD CONSTRAINT pk_card_topics PRIMARY KEY (topic_id, card_id);
ALTER TABLE ONLY cards
    ADD CONSTRAINT pk_cards PRIMARY KEY (id);
ALTER TABLE ONLY channel_claims
    ADD CONSTRAINT pk_channel_claims PRIMARY KEY (channel_id);
ALTER TABLE ONLY circuits
    ADD CONSTRAINT pk_circuits PRIMARY KEY (channel_id);
ALTER TABLE ONLY crosspost_tries
    ADD CONSTRAINT pk_crosspost_tries PRIMARY KEY (delivery_id, at);
ALTER TABLE ONLY decision_subscriptions
    ADD CONSTRAINT pk_decision_subscriptions PRIMARY KEY (guild_id, card_id, subscription_id);
ALTER TABLE ONLY decisions
    ADD CONSTRAINT pk_decisions PRIMARY KEY (guild_id, card_id);
ALTER TABLE ONLY deferred
    ADD CONSTRAINT pk_deferred PRIMARY KEY (channel_id, card_id, subscription_id);
ALTER TABLE ONLY deliveries
    ADD CONSTRAINT pk_deliveries PRIMARY KEY (id);
ALTER TABLE ONLY delivery_cards
    ADD CONSTRAINT pk_delivery_cards PRIMARY KEY (delivery_id, card_id);
ALTER TABLE ONLY files
    ADD CONSTRAINT pk_files PRIMARY KEY (root, path);
ALTER TABLE ONLY flags
    ADD CONSTRAINT pk_flags PRIMARY KEY (card_id, user_id, guild_id);
ALTER TABLE ONLY guild_settings
    ADD CONSTRAINT pk_guild_settings PRIMARY KEY (guild_id);
ALTER TABLE ONLY last_read
    ADD CONSTRAINT pk_last_read PRIMARY KEY (user_id, guild_id);
ALTER TABLE ONLY listings
    ADD CONSTRAINT pk_listings PRIMARY KEY (key);
ALTER TABLE ONLY meta
    ADD CONSTRAINT pk_meta PRIMARY KEY (key);
ALTER TABLE ONLY providers
    ADD CONSTRAINT pk_providers PRIMARY KEY (key);
ALTER TABLE ONLY quiet_hours
    ADD CONSTRAINT pk_quiet_hours PRIMARY KEY (channel_id);
ALTER TABLE ONLY requests
    ADD CONSTRAINT pk_requests PRIMARY KEY (id);
ALTER TABLE ONLY saved
    ADD CONSTRAINT pk_saved PRIMARY KEY (user_id, card_id);
ALTER TABLE ONLY spellings
    ADD CONSTRAINT pk_spellings PRIMARY KEY (initial, length, word);
ALTER TABLE ONLY story_keys
    ADD CONSTRAINT pk_story_keys PRIMARY KEY (key, card_id);
ALTER TABLE ONLY subscription_topics
    ADD CONSTRAINT pk_subscription_topics PRIMARY KEY (subscription_id, topic_id);
ALTER TABLE ONLY subscriptions
    ADD CONSTRAINT pk_subscriptions PRIMARY KEY (id);
ALTER TABLE ONLY topics
    ADD CONSTRAINT pk_topics PRIMARY KEY (id);
ALTER TABLE ONLY cards
    ADD CONSTRAINT uq_cards_slug UNIQUE (slug);
ALTER TABLE ONLY cards
    ADD CONSTRAINT uq_cards_timeline UNIQUE (timeline);
ALTER TABLE ONLY deliveries
    ADD CONSTRAINT uq_deliveries_subscription_id_slot_part UNIQUE (subscription_id, slot, part);
ALTER TABLE ONLY delivery_cards
    ADD CONSTRAINT uq_delivery_cards_channel_id_card_id UNIQUE (channel_id, card_id);
ALTER TABLE ONLY topics
    ADD CONSTRAINT uq_topics_key UNIQUE (key);
CREATE INDEX ix_audit_card_id_guild_id ON audit USING btree (card_id, guild_id);
CREATE INDEX ix_audit_guild_id_id ON audit USING btree (guild_id, id);
CREATE INDEX ix_card_aliases_card_id ON card_aliases USING btree (card_id);
CREATE INDEX ix_card_edits_card_id ON card_edits USING btree (card_id);
CREATE INDEX ix_card_search_words ON card_search USING gin (words);
CREATE INDEX ix_card_topics_card_id ON card_topics USING btree (card_id);
CREATE INDEX ix_card_topics_topic_id_timeline ON card_topics USING btree (topic_id, timeline);
CREATE INDEX ix_cards_content ON cards USING btree (content);
CREATE INDEX ix_cards_provider ON cards USING btree (provider);
CREATE INDEX ix_cards_state_points_timeline ON cards USING btree (state, points, timeline);
CREATE INDEX ix_cards_state_timeline ON cards USING btree (state, timeline);
CREATE INDEX ix_cards_story_id ON cards USING btree (story_id);
CREATE INDEX ix_cards_timeline_state_heat ON cards USING btree (timeline, state, heat);
CREATE INDEX ix_cards_unplanned ON cards USING btree (id) WHERE unplanned;
CREATE INDEX ix_cards_visible_at ON cards USING btree (visible_at);
CREATE INDEX ix_crosspost_tries_channel_id_at ON crosspost_tries USING btree (channel_id, at);
CREATE INDEX ix_decisions_card_id ON decisions USING btree (card_id);
CREATE INDEX ix_deliveries_channel_id_due_at ON deliveries USING btree (channel_id) WHERE (due_at IS NOT NULL);
CREATE INDEX ix_deliveries_crosspost ON deliveries USING btree (channel_id) WHERE (crosspost = 'wanted'::text);
CREATE INDEX ix_deliveries_due_at ON deliveries USING btree (due_at) WHERE (due_at IS NOT NULL);
CREATE INDEX ix_deliveries_review ON deliveries USING btree (guild_id) WHERE (layout = 'review'::text);
CREATE INDEX ix_deliveries_unreported ON deliveries USING btree (guild_id) WHERE ((progress = 'quarantined'::text) AND (reported_at IS NULL));
CREATE INDEX ix_deliveries_user_id ON deliveries USING btree (user_id) WHERE (user_id IS NOT NULL);
CREATE INDEX ix_delivery_cards_card_id ON delivery_cards USING btree (card_id);
CREATE INDEX ix_flags_guild_id_card_id ON flags USING btree (guild_id, card_id);
CREATE INDEX ix_flags_user_id_at ON flags USING btree (user_id, at);
CREATE INDEX ix_listings_used_at ON listings USING btree (used_at);
CREATE INDEX ix_quiet_hours_turns_at ON quiet_hours USING btree (turns_at);
CREATE INDEX ix_requests_requested_at ON requests USING btree (requested_at);
CREATE INDEX ix_story_keys_card_id ON story_keys USING btree (card_id);
CREATE INDEX ix_subscriptions_guild_id ON subscriptions USING btree (guild_id);
CREATE INDEX ix_subscriptions_next_at ON subscriptions USING btree (next_at) WHERE (next_at IS NOT NULL);
CREATE UNIQUE INDEX ix_subscriptions_user_id_guild_id ON subscriptions USING btree (user_id, guild_id) WHERE (user_id IS NOT NULL);
CREATE TRIGGER audit_no_change BEFORE DELETE OR UPDATE ON audit FOR EACH ROW EXECUTE FUNCTION audit_only_grows();
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_only_grows();
ALTER TABLE ONLY audit
    ADD CONSTRAINT fk_audit_card_id FOREIGN KEY (card_id) REFERENCES cards(id);
ALTER TABLE ONLY card_aliases
    ADD CONSTRAINT fk_card_aliases_card_id FOREIGN KEY (card_id) REFERENCES cards(id);
ALTER TABLE ONLY card_edit_topics
    ADD CONSTRAINT fk_card_edit_topics_card_id FOREIGN KEY (card_id) REFERENCES cards(id);
ALTER TABLE ONLY card_edit_topics
    ADD CONSTRAINT fk_card_edit_topics_topic_id FOREIGN KEY (topic_id) REFERENCES topics(id);
ALTER TABLE ONLY card_edits
    ADD CONSTRAINT fk_card_edits_audit_id FOREIGN KEY (audit_id) REFERENCES audit(id);
ALTER TABLE ONLY card_edits
    ADD CONSTRAINT fk_card_edits_card_id FOREIGN KEY (card_id) REFERENCES cards(id);
ALTER TABLE ONLY card_topics
    ADD CONSTRAINT fk_card_topics_card_id FOREIGN KEY (card_id) REFERENCES cards(id);
ALTER TABLE ONLY card_topics
    ADD CONSTRAINT fk_card_topics_topic_id FOREIGN KEY (topic_id) REFERENCES topics(id);
ALTER TABLE ONLY decision_subscriptions
    ADD CONSTRAINT fk_decision_subscriptions_card_id FOREIGN KEY (card_id) REFERENCES cards(id);
ALTER TABLE ONLY decision_subscriptions
    ADD CONSTRAINT fk_decision_subscriptions_subscription_id FOREIGN KEY (subscription_id) REFERENCES subscriptions(id) ON DELETE CASCADE;
ALTER TABLE ONLY decisions
    ADD CONSTRAINT fk_decisions_card_id FOREIGN KEY (card_id) REFERENCES cards(id);
ALTER TABLE ONLY deferred
    ADD CONSTRAINT fk_deferred_card_id FOREIGN KEY (card_id) REFERENCES cards(id);
ALTER TABLE ONLY deferred
    ADD CONSTRAINT fk_deferred_subscription_id FOREIGN KEY (subscription_id) REFERENCES subscriptions(id) ON DELETE CASCADE;
ALTER TABLE ONLY delivery_cards
    ADD CONSTRAINT fk_delivery_cards_card_id FOREIGN KEY (card_id) REFERENCES cards(id);
ALTER TABLE ONLY delivery_cards
    ADD CONSTRAINT fk_delivery_cards_delivery_id FOREIGN KEY (delivery_id) REFERENCES deliveries(id) ON DELETE CASCADE;
ALTER TABLE ONLY files
    ADD CONSTRAINT fk_files_card_id FOREIGN KEY (card_id) REFERENCES cards(id);
ALTER TABLE ONLY flags
    ADD CONSTRAINT fk_flags_card_id FOREIGN KEY (card_id) REFERENCES cards(id);
ALTER TABLE ONLY saved
    ADD CONSTRAINT fk_saved_card_id FOREIGN KEY (card_id) REFERENCES cards(id);
ALTER TABLE ONLY story_keys
    ADD CONSTRAINT fk_story_keys_card_id FOREIGN KEY (card_id) REFERENCES cards(id);
ALTER TABLE ONLY subscription_topics
    ADD CONSTRAINT fk_subscription_topics_subscription_id FOREIGN KEY (subscription_id) REFERENCES subscriptions(id) ON DELETE CASCADE;
ALTER TABLE ONLY subscription_topics
    ADD CONSTRAINT fk_subscription_topics_topic_id FOREIGN KEY (topic_id) REFERENCES topics(id);
-- rows
INSERT INTO card_search (timeline, words) VALUES
(477899722535731201, '''#topicb04bdd4f4a50'' ''#provider3ee2923b9b4f'' ''#type63ba2879628c'' ''a'':1 ''=a'':1 ''~a'':1 ''comet'':2,14 ''=comet'':2 ''~comet'':2 ''passes'':3 ''=passes'':3 ''~passes'':3 ''the'':4 ''=the'':4 ''~the'':4 ''moon'':5 ''=moon'':5 ''~moon'':5 ''space'':8 ''~space'':8 ''orbit'':9 ''~orbit'':9 ''excerpt'':12 ''of'':13'),
(477899722535731203, '''#topicc53b22859229'' ''#providerae0d0182283d'' ''#type63ba2879628c'' ''nobody'':1 ''=nobody'':1 ''~nobody'':1 ''has'':2 ''=has'':2 ''~has'':2 ''scored'':3 ''=scored'':3 ''~scored'':3 ''this'':4 ''=this'':4 ''~this'':4 ''python'':7 ''~python'':7 ''example'':8 ''~example'':8 ''excerpt'':11 ''of'':12 ''held'':13'),
(477899722535731204, '''#topicc53b22859229'' ''#providerae0d0182283d'' ''#type63ba2879628c'' ''the'':1 ''=the'':1 ''~the'':1 ''first'':2 ''=first'':2 ''~first'':2 ''release'':3 ''=release'':3 ''~release'':3 ''is'':4 ''=is'':4 ''~is'':4 ''out'':5 ''=out'':5 ''~out'':5 ''python'':8 ''~python'':8 ''example'':9 ''~example'':9 ''excerpt'':12 ''of'':13 ''posted'':14'),
(477899722535731207, '''#topicb04bdd4f4a50'' ''#providerae0d0182283d'' ''#type63ba2879628c'' ''a'':1,4 ''=a'':1,4 ''~a'':1,4 ''rumour'':2 ''=rumour'':2 ''~rumour'':2 ''about'':3 ''=about'':3 ''~about'':3 ''bridge'':5 ''=bridge'':5 ''~bridge'':5 ''space'':8 ''~space'':8 ''example'':9 ''~example'':9 ''excerpt'':12 ''of'':13 ''withdrawn'':14'),
(477918100432355336, '''#topicb04bdd4f4a50'' ''#providerae0d0182283d'' ''#type63ba2879628c'' ''good'':1 ''=good'':1 ''~good'':1 ''news'':2 ''=news'':2 ''~news'':2 ''before'':3 ''=before'':3 ''~before'':3 ''breakfast'':4 ''=breakfast'':4 ''~breakfast'':4 ''space'':7 ''~space'':7 ''example'':8 ''~example'':8 ''excerpt'':11 ''of'':12 ''morning'':13'),
(477918101237661702, '''#topicc53b22859229'' ''#providerae0d0182283d'' ''#type63ba2879628c'' ''too'':1 ''=too'':1 ''~too'':1 ''early'':2 ''=early'':2 ''~early'':2 ''to'':3 ''=to'':3 ''~to'':3 ''tell'':4 ''=tell'':4 ''~tell'':4 ''python'':7 ''~python'':7 ''example'':8 ''~example'':8 ''excerpt'':11 ''of'':12 ''unpublished'':13'),
(477918101506097157, '''#topicc53b22859229'' ''#providerae0d0182283d'' ''#type63ba2879628c'' ''deleted'':1 ''=deleted'':1 ''~deleted'':1 ''by'':2 ''=by'':2 ''~by'':2 ''a'':3 ''=a'':3 ''~a'':3 ''moderator'':4 ''=moderator'':4 ''~moderator'':4 ''then'':5 ''=then'':5 ''~then'':5 ''edited'':6 ''=edited'':6 ''~edited'':6 ''python'':9 ''~python'':9 ''example'':10 ''~example'':10 ''excerpt'':13 ''of'':14 ''removed'':15'),
(477918101774532617, '''#topicf336ec65a94d'' ''#providerae0d0182283d'' ''#type63ba2879628c'' ''discord'':1 ''=discord'':1 ''~discord'':1 ''does'':2 ''=does'':2 ''~does'':2 ''not'':3 ''=not'':3 ''~not'':3 ''like'':4 ''=like'':4 ''~like'':4 ''this'':5 ''=this'':5 ''~this'':5 ''other'':8 ''~other'':8 ''example'':9 ''~example'':9 ''excerpt'':12 ''of'':13 ''refused'':14'),
(477918103385145354, '''#topicb04bdd4f4a50'' ''#providerae0d0182283d'' ''#type63ba2879628c'' ''a'':1 ''=a'':1 ''~a'':1 ''moon'':2 ''=moon'':2 ''~moon'':2 ''found'':3 ''=found'':3 ''~found'':3 ''in'':4 ''=in'':4 ''~in'':4 ''the'':5 ''=the'':5 ''~the'':5 ''night'':6 ''=night'':6 ''~night'':6 ''space'':9 ''~space'':9 ''example'':10 ''~example'':10 ''excerpt'':13 ''of'':14 ''quiet'':15'),
(477918103653580802, '''#topicb04bdd4f4a50'' ''#topicc53b22859229'' ''#providerae0d0182283d'' ''#type63ba2879628c'' ''numbers'':1 ''=numbers'':1 ''~numbers'':1 ''that'':2 ''=that'':2 ''~that'':2 ''changed'':3 ''=changed'':3 ''~changed'':3 ''space'':6 ''~space'':6 ''python'':7 ''~python'':7 ''example'':8 ''~example'':8 ''excerpt'':11 ''of'':12 ''edited'':13'),
(477918103653580811, '''#topicf336ec65a94d'' ''#providerae0d0182283d'' ''#type63ba2879628c'' ''sent'':1 ''=sent'':1 ''~sent'':1 ''when'':2 ''=when'':2 ''~when'':2 ''the'':3 ''=the'':3 ''~the'':3 ''process'':4 ''=process'':4 ''~process'':4 ''ended'':5 ''=ended'':5 ''~ended'':5 ''other'':8 ''~other'':8 ''example'':9 ''~example'':9 ''excerpt'':12 ''of'':13 ''sending'':14'),
(477918103653580812, '''#topicf336ec65a94d'' ''#providerae0d0182283d'' ''#type63ba2879628c'' ''posted'':1 ''=posted'':1 ''~posted'':1 ''after'':2 ''=after'':2 ''~after'':2 ''the'':3 ''=the'':3 ''~the'':3 ''upgrade'':4 ''=upgrade'':4 ''~upgrade'':4 ''other'':7 ''~other'':7 ''example'':8 ''~example'':8 ''excerpt'':11 ''of'':12 ''waiting'':13');
SELECT setval('cards_id_seq', (SELECT max(id) FROM cards));
SELECT setval('topics_id_seq', (SELECT max(id) FROM topics));
SELECT setval('audit_id_seq', (SELECT max(id) FROM audit));
SELECT setval('subscriptions_id_seq', 7);
SELECT setval('deliveries_id_seq', 33);
SELECT setval('requests_id_seq', (SELECT max(id) FROM requests));
