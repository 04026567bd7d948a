import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { ApiError, send } from "../api";
import type { Me } from "../model";
import { place } from "../router";
import { t } from "../strings";
import { Btn, Input, Note, Refused, Seg, useDeed } from "../ui/base";
import { Logo } from "../ui/logo";

export function SignInPage({ done }: { done: (me: Me) => void }): JSX.Element {
  const [way, setWay] = useState("password");
  const [user, setUser] = useState("");
  const [tenant, setTenant] = useState("");
  const [password, setPassword] = useState("");
  const [token, setToken] = useState("");
  const deed = useDeed();
  const [provider, setProvider] = useState(false);

  const begin = async (body: Record<string, string>): Promise<boolean> =>
    deed.run(async () => {
      const me = await send<Me>("POST", "/api/v1/session", body);
      done(me);
    });

  useEffect(() => {
    document.title = `${t.signIn.title} · Updraft`;
    const code = window.location.hash.slice(1);
    if (place().path === "/sign-in" && code !== "") {
      // spent or not, it does not stay in the address or the history
      window.history.replaceState(null, "", "/sign-in" + window.location.search);
      void begin({ code });
      return;
    }
    // Is a provider set up? Its start answers with a redirect then, which a script may not look into.
    fetch("/api/v1/login", { redirect: "manual", credentials: "same-origin", cache: "no-store" })
      .then((reply) => setProvider(reply.type === "opaqueredirect"))
      .catch(() => undefined);
  }, []);

  const submit = (event: Event): void => {
    event.preventDefault();
    if (way === "token") void begin({ token: token.trim() });
    else void begin({ ...(tenant.trim() ? { tenant: tenant.trim() } : {}), user: user.trim(), password });
  };
  const wrong = deed.error instanceof ApiError && deed.error.code === "UD_ERR_AUTH";
  return (
    <div class="gate">
      <main id="main" class="form">
        <div class="brandline">
          <span class="logo"><Logo /></span>Updraft
        </div>
        <div>
          <h1>{t.signIn.title}</h1>
          <p class="dim s">{t.signIn.lede(window.location.host)}</p>
        </div>
        <form class="stack4" onSubmit={submit}>
          {provider ? (
            <>
              <a class="btn pri" href="/api/v1/login">{t.signIn.provider}</a>
              <div class="rule"><hr />{t.signIn.or}<hr /></div>
            </>
          ) : null}
          <Seg label={t.signIn.way} value={way} onChange={(next) => { setWay(next); deed.clear(); }} options={[["password", t.signIn.byPassword], ["token", t.signIn.byToken]]} />
          {way === "password" ? (
            <>
              <Input label={t.signIn.name} value={user} onInput={setUser} autocomplete="username" required />
              <Input label={t.signIn.password} value={password} onInput={setPassword} type="password" autocomplete="current-password" required
                error={wrong ? t.signIn.wrong : null} />
              <details class="s">
                <summary>{t.signIn.otherTenant}</summary>
                <Input label={t.signIn.tenant} value={tenant} onInput={setTenant} hint={t.signIn.tenantHint} />
              </details>
            </>
          ) : (
            <Input label={t.signIn.token} value={token} onInput={setToken} type="password" autocomplete="off" required hint={t.signIn.tokenHint}
              error={wrong ? t.signIn.wrongToken : null} />
          )}
          {deed.error && !wrong ? <Refused error={deed.error} /> : null}
          <Btn type="submit" kind={provider ? "" : "pri"} busy={deed.busy}>{deed.busy ? t.signIn.busy : t.signIn.go}</Btn>
        </form>
        <p class="xs faint">{t.signIn.first}</p>
        {place().query.get("to") ? <Note tone="plain" icon="lock">{t.signIn.ended}</Note> : null}
      </main>
      <div class="art">
        <figure>
          <svg class="chart" viewBox="0 0 550 296" role="img" aria-label={t.signIn.art}>
            {t.signIn.steps.map((step, at) => (
              <g key={step}>
                <rect x={10 + 108 * at} y={210 - 44 * at} width="92" height={40 + 44 * at} rx="6" fill={`var(--l${at + 1})`} />
                <text class="b" x={10 + 108 * at} y="272">{step}</text>
              </g>
            ))}
          </svg>
        </figure>
        <p class="dim">{t.signIn.artText}</p>
      </div>
    </div>
  );
}
