package main_test

// keptAccounts adds accounts with settings and with several secrets, and returns a check that
// a server has them, secrets included.
func (n *node) keptAccounts() (check func(*node)) {
	n.t.Helper()
	secrets := object{"password": "first of two", "jumpPassword": "second of two"}
	shell := n.add("/v6/Accounts", 201, object{"accountType": "sftpAccount", "method": "password", "userName": "ada", "secrets": secrets})
	cloud := n.add("/v6/Accounts", 201, object{
		"accountType": "openStackSwiftAccount", "userName": "ada", "password": "only one",
		"settings": object{"authUrl": "https://keystone.example:5000/v3", "userDomain": "Größe"},
	})
	type account struct {
		Method   string
		Settings map[string]string
	}
	return func(n *node) {
		n.t.Helper()
		var got account
		n.call("GET", "/v6/Accounts/"+cloud+"?extensions=true", nil, 200, &got)
		if got.Settings["authUrl"] != "https://keystone.example:5000/v3" || got.Settings["userDomain"] != "Größe" {
			n.t.Errorf("the settings of an account are %+v", got)
		}
		n.call("GET", "/v6/Accounts/"+shell+"?extensions=true", nil, 200, &got)
		if got.Method != "password" {
			n.t.Errorf("the method of an account is %+v", got)
		}
		for id, guess := range map[string]object{shell: {"secrets": secrets}, cloud: {"password": "only one"}} {
			var answer struct{ IsSame bool }
			if n.call("POST", "/v6/Accounts/"+id+"/Compare", guess, 200, &answer); !answer.IsSame {
				n.t.Errorf("the secrets of the account %s are others: %v", id, answer)
			}
		}
	}
}
