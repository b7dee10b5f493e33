//! API keys: made, changed, rotated and revoked by people with the permission `api_key.admin`.

use std::time::Duration;

use axum::{
    extract::{FromRequest, FromRequestParts, Request, State},
    http::{StatusCode, header::CACHE_CONTROL, request::Parts},
    response::IntoResponse,
};
use chrono::{DateTime, Utc};
use edge::{
    Created, ETag, IfMatch, IfMatchHeader, Json, Label, LabelHeaders, PageQuery, Paged, Path, Person, Refusal, Reply,
};
use garde::Validate;
use kernel::{Actor, Page};
use serde::{Deserialize, Serialize};
use store::Tx;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    Accounts,
    api_key::{self, ADMIN, ApiKey, By, Expiry, KeyChanges, LONGEST_NAME, MOST_SCOPES, NewKey, Shown, is_readable},
};

/// A key to be.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewApiKey {
    /// One of a kind among your keys.
    #[garde(length(chars, min = 1, max = LONGEST_NAME), custom(readable))]
    #[schema(min_length = 1, max_length = 100, example = "billing")]
    name: String,
    /// What it may do: permissions of your own. What counts at each use are those that you have then.
    #[garde(length(min = 1, max = MOST_SCOPES), inner(length(max = 100)))]
    #[schema(min_items = 1, max_items = 50, example = json!(["schedule.read", "schedule.write"]))]
    scopes: Vec<String>,
    /// When it stops working by itself; never without it.
    #[garde(skip)]
    #[schema(example = "2027-01-01T00:00:00Z")]
    expires_at: Option<DateTime<Utc>>,
}

/// What to change of a key; absent fields stay.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApiKeyChanges {
    #[garde(inner(length(chars, min = 1, max = LONGEST_NAME), custom(readable)))]
    #[schema(min_length = 1, max_length = 100, nullable = false)]
    name: Option<String>,
    /// All of them, not only new ones.
    #[garde(inner(length(min = 1, max = MOST_SCOPES), inner(length(max = 100))))]
    #[schema(min_items = 1, max_items = 50, nullable = false, example = json!(["schedule.read"]))]
    scopes: Option<Vec<String>>,
    /// Null: it does not expire any more.
    #[garde(skip)]
    #[serde(default)]
    #[schema(value_type = Option<DateTime<Utc>>, example = "2027-01-01T00:00:00Z")]
    expires_at: Expiry,
}

/// How to rotate.
#[derive(Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = KeyRotation)]
pub(crate) struct Rotation {
    /// How long the old secret works beside the new one.
    #[garde(range(max = 86_400))]
    #[serde(default)]
    #[schema(maximum = 86_400, default = 0, example = 3600)]
    grace_seconds: u32,
}

fn readable<C>(text: &str, _: &C) -> garde::Result {
    if !is_readable(text) {
        return Err(garde::Error::new("must not begin or end with spaces, nor have control characters"));
    }
    Ok(())
}

/// A key, without its secret.
#[derive(Serialize, ToSchema)]
pub(crate) struct ApiKeyView {
    id: Uuid,
    /// What the key begins with; no secret.
    #[schema(example = "bf_0190d6e57c1e7b1e8d6a2f4a5c6b7d8e")]
    prefix: String,
    #[schema(example = "billing")]
    name: String,
    #[schema(example = json!(["schedule.read", "schedule.write"]))]
    scopes: Vec<String>,
    /// `active`, `expired` or `revoked`.
    #[schema(example = "active")]
    status: &'static str,
    /// Whose it is: it may never do more than this account.
    owner_id: Uuid,
    expires_at: Option<DateTime<Utc>>,
    /// To the minute.
    last_used_at: Option<DateTime<Utc>>,
    rotated_at: Option<DateTime<Utc>>,
    /// Until when the secret before the last rotation works.
    previous_until: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    /// As in the `ETag`.
    #[schema(example = 1, minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    version: i64,
}

impl ApiKeyView {
    fn new(key: ApiKey, now: DateTime<Utc>) -> Self {
        let status = key.status(now);
        Self {
            id: key.id,
            prefix: api_key::visible(key.id),
            name: key.name,
            scopes: key.scopes,
            status,
            owner_id: key.owner_id,
            expires_at: key.expires_at,
            last_used_at: key.last_used_at,
            rotated_at: key.rotated_at,
            previous_until: key.previous_until.filter(|until| *until > now),
            revoked_at: key.revoked_at,
            created_at: key.created_at,
            updated_at: key.updated_at,
            version: key.version,
        }
    }
}

/// A key and its text, which is shown this once.
#[derive(Serialize, ToSchema)]
pub(crate) struct ShownKeyView {
    /// For `Authorization: Bearer`. Keep it now: only its hash is stored.
    #[schema(
        example = "bf_0190d6e57c1e7b1e8d6a2f4a5c6b7d8e9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a0873c2f1ab"
    )]
    key: String,
    #[serde(flatten)]
    about: ApiKeyView,
}

impl ShownKeyView {
    fn new(Shown { key, text }: Shown, now: DateTime<Utc>) -> Self {
        Self { key: text.expose().clone(), about: ApiKeyView::new(key, now) }
    }
}

/// Somebody who may manage keys, and what they say of themselves. Stands before the body among a handler's arguments, so that
/// nobody else's is looked at.
pub(super) struct KeyAdmin {
    actor: Actor,
    label: Label,
}

impl KeyAdmin {
    fn by(&self) -> By<'_> {
        By { actor: &self.actor, label: self.label.as_deref() }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for KeyAdmin {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let Person(actor) = Person::from_request_parts(parts, state).await?;
        actor.require(ADMIN)?;
        Ok(Self { actor, label: Label::of(&parts.headers)? })
    }
}

/// The version that the caller has seen, and the body.
async fn conditional(request: Request) -> Reply<(IfMatch, Json<ApiKeyChanges>)> {
    let (mut parts, body) = request.into_parts();
    let seen = IfMatch::from_request_parts(&mut parts, &()).await?;
    Ok((seen, Json::from_request(Request::from_parts(parts, body), &()).await?))
}

/// Lists the API keys, the newest first; expired and revoked ones too. Needs the permission `api_key.admin`.
#[utoipa::path(get, path = "/api/v1/api-keys", tag = "api-keys", params(PageQuery),
    responses((status = 200, body = Paged<ApiKeyView>)))]
pub(super) async fn list(
    State(accounts): State<Accounts>,
    _admin: KeyAdmin,
    page: PageQuery,
) -> Reply<Paged<ApiKeyView>> {
    let (db, now) = (&accounts.db, accounts.db.clock().now());
    let keys = api_key::list(db.conn(), page.position()?, page.limit + 1).await?;
    Ok(page.answer(Page::cut(keys, page.limit, |key| key.id).map(|key| ApiKeyView::new(key, now))))
}

/// Makes an API key of your own, and shows it this once. Needs the permission `api_key.admin`, and to be logged in: no key
/// makes keys.
///
/// The answer is not kept for an `Idempotency-Key`. A request that is sent again is refused with `api-key-name-taken`:
/// rotate the key then.
#[utoipa::path(post, path = "/api/v1/api-keys", tag = "api-keys", params(LabelHeaders), request_body = NewApiKey,
    responses((status = 201, body = ShownKeyView, headers(("Location" = String), ("ETag" = String))),
        (status = 409, body = edge::ProblemDetails, content_type = "application/problem+json", description = "`api-key-name-taken`")))]
pub(super) async fn create(
    State(accounts): State<Accounts>,
    admin: KeyAdmin,
    Json(NewApiKey { name, scopes, expires_at }): Json<NewApiKey>,
) -> Reply<impl IntoResponse> {
    let (by, new) = (admin.by(), NewKey { name, scopes, expires_at });
    let shown = accounts.db.tx(async |tx: Tx| accounts.create_key(&tx, by, new.clone()).await).await?;
    let (id, version) = (shown.key.id, shown.key.version);
    let body = ShownKeyView::new(shown, accounts.db.clock().now());
    let location = format!("/api/v1/api-keys/{id}");
    Ok(([(CACHE_CONTROL, "no-store")], ETag(version), Created { location, body }))
}

/// Shows an API key, without its secret. Needs the permission `api_key.admin`.
#[utoipa::path(get, path = "/api/v1/api-keys/{id}", tag = "api-keys", params(("id" = Uuid, Path)),
    responses((status = 200, body = ApiKeyView, headers(("ETag" = String)))))]
pub(super) async fn show(
    State(accounts): State<Accounts>,
    _admin: KeyAdmin,
    Path(id): Path<Uuid>,
) -> Reply<(ETag, Json<ApiKeyView>)> {
    let key = api_key::find(accounts.db.conn(), id).await?.ok_or_else(api_key::no_such)?;
    Ok((ETag(key.version), Json(ApiKeyView::new(key, accounts.db.clock().now()))))
}

/// Changes the name, the scopes or the expiry of an API key. Needs the permission `api_key.admin`.
#[utoipa::path(patch, path = "/api/v1/api-keys/{id}", tag = "api-keys", params(("id" = Uuid, Path), IfMatchHeader, LabelHeaders),
    request_body = ApiKeyChanges,
    responses((status = 200, body = ApiKeyView, headers(("ETag" = String))),
        (status = 409, body = edge::ProblemDetails, content_type = "application/problem+json", description = "`api-key-name-taken` or `api-key-revoked`")))]
pub(super) async fn change(
    State(accounts): State<Accounts>,
    admin: KeyAdmin,
    Path(id): Path<Uuid>,
    request: Request,
) -> Reply<(ETag, Json<ApiKeyView>)> {
    let (seen, Json(wanted)) = conditional(request).await?;
    let changes = KeyChanges { name: wanted.name, scopes: wanted.scopes, expires_at: wanted.expires_at };
    let by = admin.by();
    let update = async |tx: Tx| api_key::update(&tx, by, (id, &seen), changes.clone()).await;
    let key = accounts.db.tx(update).await?;
    accounts.key_gate.forget(id);
    Ok((ETag(key.version), Json(ApiKeyView::new(key, accounts.db.clock().now()))))
}

/// Gives an API key a new secret, and shows it this once. Needs the permission `api_key.admin`.
///
/// The old secret stops at once, or works for `grace_seconds` longer; one that was still in its grace stops. For the key of
/// somebody else you need all of its scopes yourself.
#[utoipa::path(post, path = "/api/v1/api-keys/{id}/rotate", tag = "api-keys", params(("id" = Uuid, Path), LabelHeaders),
    request_body = Option<Rotation>,
    responses((status = 200, body = ShownKeyView, headers(("ETag" = String))),
        (status = 409, body = edge::ProblemDetails, content_type = "application/problem+json", description = "`api-key-revoked`")))]
pub(super) async fn rotate(
    State(accounts): State<Accounts>,
    admin: KeyAdmin,
    Path(id): Path<Uuid>,
    rotation: Option<Json<Option<Rotation>>>,
) -> Reply<impl IntoResponse> {
    let rotation = rotation.and_then(|Json(rotation)| rotation).unwrap_or_default();
    let grace = Duration::from_secs(rotation.grace_seconds.into());
    let by = admin.by();
    let shown = accounts.db.tx(async |tx: Tx| accounts.rotate_key(&tx, by, (id, grace)).await).await?;
    accounts.key_gate.forget(id);
    let etag = ETag(shown.key.version);
    Ok(([(CACHE_CONTROL, "no-store")], etag, Json(ShownKeyView::new(shown, accounts.db.clock().now()))))
}

/// Revokes an API key for good. Needs the permission `api_key.admin`.
///
/// It stops working within a few seconds. Revoking it again changes nothing; it stays in the list.
#[utoipa::path(delete, path = "/api/v1/api-keys/{id}", tag = "api-keys", params(("id" = Uuid, Path), LabelHeaders),
    responses((status = 204)))]
pub(super) async fn revoke(
    State(accounts): State<Accounts>,
    admin: KeyAdmin,
    Path(id): Path<Uuid>,
) -> Reply<StatusCode> {
    let by = admin.by();
    accounts.db.tx(async |tx: Tx| api_key::revoke(&tx, by, id).await).await?;
    accounts.key_gate.forget(id);
    Ok(StatusCode::NO_CONTENT)
}
