export const SIAPKERJA = {
  authority: "http://localhost:5000",
  client_id: "layanan-saya",
  redirect_uri: "http://localhost:5173/",
  scope: "openid profile email",
};
